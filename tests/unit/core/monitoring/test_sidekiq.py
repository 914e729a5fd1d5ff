from __future__ import annotations

import json
from pathlib import Path

import pytest

from instancectl.core.monitoring import sidekiq
from instancectl.core.monitoring.job_queues import queue_of
from instancectl.core.monitoring.sidekiq import (
    OPENING,
    closed_minutes,
    follow_up,
    last_look,
    minute_name,
    read,
    running,
    waited,
)
from instancectl.core.sizes import QUEUES
from tests.fakes.redis_line import FakeRedisLine

CAPTURED = Path(__file__).parents[3] / "captured" / "redis" / "sidekiq-8.1.6.json"
NOW = 1_795_326_300.0


@pytest.fixture
def line() -> FakeRedisLine:
    return FakeRedisLine(NOW)


def reading(line: FakeRedisLine, minutes: tuple[str, ...] = ()) -> sidekiq.Sidekiq:
    opening = line.ask(OPENING)
    return read(opening, line.ask(follow_up(opening, minutes)), minutes)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"class":"A","enqueued_at":1795326290.25}',
        b'{"class":"A","enqueued_at":1795326290250}',
        b'{"class":"A","created_at":1795326290250,"args":["\\"enqueued_at\\": 5"]}',
        b'{"created_at":1795326000000,"class":"A","enqueued_at": 1795326290250}',
    ],
)
def test_seconds_and_milliseconds_are_told_apart(payload: bytes) -> None:
    assert waited(payload, NOW) == pytest.approx(9.75)


def test_a_payload_without_a_time_waited_nothing_and_a_clock_ahead_is_not_negative() -> None:
    assert waited(b"{}", NOW) == 0
    assert waited(b'{"enqueued_at":1795326400000}', NOW) == 0


def test_one_queue_may_hold_both_shapes(line: FakeRedisLine) -> None:
    line.push("push", {"enqueued_at": NOW - 100})
    assert reading(line).queues["push"].latency_seconds == pytest.approx(100)
    line.push("push", {"enqueued_at": int((NOW - 5) * 1000)})
    found = reading(line).queues["push"]
    assert (found.size, found.latency_seconds) == (2, pytest.approx(100))
    line.lists["queue:push"].pop()
    assert reading(line).queues["push"].latency_seconds == pytest.approx(5)


def test_every_queue_of_mastodon_reads_zero_on_an_empty_redis(line: FakeRedisLine) -> None:
    found = reading(line)
    assert set(found.queues) == set(QUEUES)
    assert {(one.size, one.latency_seconds) for one in found.queues.values()} == {(0, 0.0)}
    assert found.processes == ()
    assert found.processed == 0


def test_names_of_queues_that_somebody_made_up_cannot_flood_the_metrics(line: FakeRedisLine) -> None:
    line.sets["queues"] = {f"made-up-{number:04}" for number in range(5000)}
    assert len(reading(line).queues) == len(QUEUES) + sidekiq.FOREIGN_QUEUES


def test_a_dead_identity_is_no_process_and_a_late_one_does_not_live(line: FakeRedisLine) -> None:
    line.beat("here:1:a", queues=("default",), ago=5)
    line.beat("late:1:b", queues=("default",), ago=45)
    line.sets["processes"].add("gone:1:c")
    found = reading(line)
    assert [one.hostname for one in found.processes] == ["here", "late"]
    assert [one.hostname for one in found.live] == ["here"]


def test_the_captured_process_is_understood(line: FakeRedisLine) -> None:
    captured = json.loads(CAPTURED.read_text())
    line.sets["processes"] = set(captured["processes"])
    line.hashes |= captured["process"]
    line.now = 1_795_326_300.0
    (one,) = reading(line).processes
    assert (one.version, one.threads, one.busy, one.quiet) == ("8.1.6", 5, 0, False)
    assert one.queues == QUEUES
    assert one.rss_bytes == 315032 * 1024
    assert one.round_trip_seconds == pytest.approx(0.000114)


def test_older_processes_keep_their_threads_and_queues_in_info(line: FakeRedisLine) -> None:
    info = {"hostname": "old", "concurrency": 25, "queues": ["push", "push", "pull"], "version": "7.3.2"}
    line.sets["processes"] = {"old:1:x"}
    line.hashes["old:1:x"] = {"info": json.dumps(info), "beat": str(NOW), "busy": "3", "quiet": "true"}
    (one,) = reading(line).processes
    assert (one.threads, one.queues, one.quiet) == (25, ("push", "pull"), True)


@pytest.mark.parametrize("info", ["no json", "[]", '{"capsules": 5}', "null"])
def test_a_process_that_cannot_be_read_hides_no_other(line: FakeRedisLine, info: str) -> None:
    line.beat("well:1:a", queues=("default",))
    line.sets["processes"].add("broken:1:b")
    line.hashes["broken:1:b"] = {"info": info, "beat": "now"}
    assert [one.hostname for one in reading(line).processes] == ["well"]


def test_running_jobs_are_told_by_queue_without_their_arguments() -> None:
    captured = json.loads(CAPTURED.read_text())
    work = [value.encode() for value in captured["work (2 of 5 threads, while busy)"].values()]
    huge = json.dumps({"queue": "ingress", "payload": "x" * 1_000_000, "run_at": 1_795_326_000_000}).encode()
    oldest, busy = running([work, [huge]])
    assert busy == {"default": 2, "ingress": 1}
    assert oldest == {"default": 1_795_326_325.0, "ingress": 1_795_326_000.0}


def test_what_runs_is_not_read_when_too_much_does(line: FakeRedisLine) -> None:
    line.beat("a:1:a", busy=300)
    assert len(last_look(reading(line).processes)) == 1
    line.beat("b:1:b", busy=201)
    assert last_look(reading(line).processes) == ()


def test_no_command_grows_with_the_number_of_jobs(line: FakeRedisLine) -> None:
    line.beat("a:1:a", queues=("push",), busy=1)
    line.hashes["a:1:a:work"] = {"t": '{"queue":"push","payload":"{}","run_at":1}'}
    for number in range(1000):
        line.push("push", {"enqueued_at": NOW - number})
    found = reading(line, ("261122|5:04",))
    line.ask(last_look(found.processes))
    assert {command[0] for command in line.asked} <= {
        "TIME",
        "INFO",
        "CONFIG",
        "SMEMBERS",
        "GET",
        "HGETALL",
        "ZCARD",
        "ZRANGE",
        "LLEN",
        "LINDEX",
        "HMGET",
        "HVALS",
    }
    assert {command[2:] for command in line.asked if command[0] == "ZRANGE"} == {("0", "0", "WITHSCORES")}
    assert {command[2] for command in line.asked if command[0] == "LINDEX"} == {"-1"}


def test_sets_say_how_late_their_first_entry_is(line: FakeRedisLine) -> None:
    line.sorted = {
        "retry": {b"a": NOW - 40, b"b": NOW + 10},
        "schedule": {b"c": NOW + 3600},
        "dead": {b"d": 1.0},
    }
    found = reading(line).sets
    assert (found["retry"].size, found["retry"].overdue_seconds) == (2, pytest.approx(40))
    assert (found["schedule"].size, found["schedule"].overdue_seconds) == (1, 0)
    assert (found["dead"].size, found["dead"].overdue_seconds) == (1, 0)


def test_scheduled_tasks_carry_their_last_time_and_spacing(line: FakeRedisLine) -> None:
    line.hashes["sidekiq-scheduler:last_times"] = {
        "indexing_scheduler": "2026-11-22 04:58:05 UTC",
        "vacuum_scheduler": "2026-11-22 05:58:05 +0100",
        "broken": "soon",
    }
    line.hashes["sidekiq-scheduler:next_times"] = {"indexing_scheduler": "2026-11-22 04:59:05 UTC"}
    assert reading(line).cron == {
        "indexing_scheduler": (1_795_323_485.0, 60.0),
        "vacuum_scheduler": (1_795_323_485.0, 0.0),
    }


def test_minutes_close_late_enough_for_the_last_heartbeat() -> None:
    at = 1_795_323_480.0  # 2026-11-22 04:58:00 UTC
    assert minute_name(at) == "261122|4:58"
    assert closed_minutes(at + 79, at) == ()
    assert closed_minutes(at + 80, at) == ("261122|4:58",)
    assert len(closed_minutes(at + 86400, at)) == 10


def test_a_minute_is_read_by_the_name_that_sidekiq_7_gave_it_too(line: FakeRedisLine) -> None:
    line.hashes["j|20261122|5:4"] = {"LinkCrawlWorker|p": "3"}
    assert reading(line, ("261122|5:04",)).minutes == {"261122|5:04": {"LinkCrawlWorker|p": 3}}
    # While processes are replaced both write.
    line.hashes["j|261122|5:04"] = {"LinkCrawlWorker|p": "2", "LinkCrawlWorker|f": "1"}
    found = reading(line, ("261122|5:04",)).minutes["261122|5:04"]
    assert found == {"LinkCrawlWorker|p": 5, "LinkCrawlWorker|f": 1}


@pytest.mark.parametrize(
    ("job_class", "queue"),
    [
        ("ActivityPub::DeliveryWorker", "push"),
        ("ActivityPub::ProcessingWorker", "ingress"),
        ("ActionMailer::MailDeliveryJob", "mailers"),
        ("Scheduler::IndexingScheduler", "scheduler"),
        ("Fasp::BackfillWorker", "fasp"),
        ("LinkCrawlWorker", "pull"),
        ("FeedInsertWorker", "default"),
        ("SomebodysPatchWorker", "other"),
    ],
)
def test_job_classes_belong_to_queues(job_class: str, queue: str) -> None:
    assert queue_of(job_class) == queue
