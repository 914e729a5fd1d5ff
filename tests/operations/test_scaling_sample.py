"""One sample of a live instance: what is read, at what cost, and what is never taken."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from instancectl.core.monitoring.sidekiq import minute_name
from instancectl.ports.workers import Puma
from tests.fakes.stack_sight import container_id
from tests.operations.scaled import Scaled

WEB = container_id("web", 1)


class TestSample:
    def test_everything_is_read(self):
        world = Scaled()
        world.work("push", 100, 50, 25)
        world.workers.used[container_id("sidekiq-push", 1)] = 5.0
        world.tick()
        world.workers.used[container_id("sidekiq-push", 1)] = 12.0
        world.redis.values["stat:processed"] = "77"
        world.tick()
        sample, _ = world.loop.last
        push = sample.queues["push"]
        assert (push.size, push.busy) == (100, 25)
        assert push.arrivals is not None
        assert sample.services["sidekiq-push"].cores == pytest.approx(0.7)
        assert sample.services["sidekiq-push"].busy == 25
        assert sample.hosts[0].used == pytest.approx(0.2)
        assert (sample.database.open, sample.database.max_connections) == (9, 200)
        assert sample.processed == 77
        assert sample.registrations == "open"

    def test_arrivals_are_those_of_the_last_twenty_seconds_whatever_the_length(self):
        world = Scaled()
        world.work("push", 5000, 100, 25)  # 50 a second
        asked = len(world.redis.asked)
        world.clock.sleep(0)
        world.beat()
        sample, _ = world.sampler.sample(world.loop.mails)
        assert sample.queues["push"].arrivals == pytest.approx(1000, abs=2)
        looks = [one for one in world.redis.asked[asked:] if one[0] == "LINDEX" and one[2] != "-1"]
        assert len(looks) <= 14
        assert not [one for one in world.redis.asked if one[0] == "LRANGE"]

    def test_a_process_that_is_ordered_and_does_not_beat_is_starting(self):
        world = Scaled()
        world.tick()
        world.stack.replicas("sidekiq-push", 3)
        world.beat()
        world.redis.sets["processes"].discard(f"{container_id('sidekiq-push', 3)[:12]}:1:x")
        world.clock.sleep(10)
        sample, _ = world.sampler.sample(world.loop.mails)
        push = sample.services["sidekiq-push"]
        assert (push.replicas, push.starting, push.draining) == (2, 1, 0)

    def test_a_process_that_may_finish_its_jobs_is_draining(self):
        world = Scaled()
        world.stack.replicas("sidekiq-push", 2)
        world.tick()
        world.stack.replicas("sidekiq-push", 1)  # the second one still beats
        world.clock.sleep(10)
        sample, _ = world.sampler.sample(world.loop.mails)
        push = sample.services["sidekiq-push"]
        assert (push.replicas, push.starting, push.draining) == (1, 0, 1)

    def test_remote_hosts_are_named_and_nothing_else_of_a_payload(self):
        world = Scaled()
        world.beat()
        args = ['{"id":"https://own.example/1","secret":"token-1"}', 123, "https://Dead.example/inbox"]
        payload = json.dumps({"class": "ActivityPub::DeliveryWorker", "args": args})
        identity = f"{container_id('sidekiq-push', 1)[:12]}:1:x"
        world.redis.beat(identity, queues=("push",), threads=25, busy=1)
        job = {"queue": "push", "payload": payload, "run_at": int(world.redis.now)}
        world.redis.hashes[f"{identity}:work"] = {"t": json.dumps(job)}
        sample, _ = world.sampler.sample(world.loop.mails)
        assert sample.queues["push"].destinations == {"dead.example": 1}
        assert "token-1" not in repr(sample)

    def test_requests_wait_only_while_somebody_waits(self):
        world = Scaled()
        world.tick()
        world.workers.pumas[WEB] = Puma(4, 20, 0)
        for _ in range(5):
            world.sampler.glance()
        world.tick()
        assert world.loop.last[0].web.queue_seconds == 0
        assert world.loop.last[0].web.busy == 20
        assert not world.http.asked
        world.workers.pumas[WEB] = Puma(4, 60, 40)
        world.http.pages["http://10.0.3.11:3000/health"] = replace(
            world.http.pages["http://10.0.3.11:3000/health"], seconds=0.52
        )
        for _ in range(5):
            world.sampler.glance()
        world.tick()
        assert world.loop.last[0].web.queue_seconds == pytest.approx(0.5)
        assert len(world.http.asked) == 1

    def test_mails_are_counted_once_however_often_a_minute_is_read(self):
        world = Scaled()
        world.tick()
        key = f"j|{minute_name(world.clock.epoch_seconds() + 10)}"
        world.redis.hashes[key] = {
            "ActionMailer::MailDeliveryJob|p": "5",
            "ActionMailer::MailDeliveryJob|f": "1",
        }
        world.tick()
        assert (world.loop.last[0].mail.delivered, world.loop.last[0].mail.failed) == (4, 1)
        world.tick()
        assert (world.loop.last[0].mail.delivered, world.loop.last[0].mail.failed) == (0, 0)
        world.again().tick()
        assert world.loop.last[0].mail.sent_today == 4
