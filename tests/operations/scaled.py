"""A deployed instance out of fakes, and the live loop beside it.

world = Scaled(mode="auto")
world.work("push", size=3000, latency=60, busy=25)
world.tick()                  # ten seconds pass, one sample is judged
world.said                    # what a person was told
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from instancectl.core.config import InstanceConfig
from instancectl.core.host.placement import rooms
from instancectl.core.observed import Node
from instancectl.core.scaling.decision import Decision
from instancectl.core.scaling.settings import Policy, policy_for
from instancectl.core.sizes import Machine
from instancectl.operations.scaling.acting import Actor, Hands
from instancectl.operations.scaling.loop import Around, Loop
from instancectl.operations.scaling.sampling import Eyes, Sampler
from instancectl.ports.workers import Puma
from tests.fakes.clock import FakeClock
from tests.fakes.database_line import FakeDatabaseLine
from tests.fakes.fuse import Fuse
from tests.fakes.host import GIB, FakeHost
from tests.fakes.http import FakeHttp, answer
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.own_command import FakeOwnCommand
from tests.fakes.redis_line import FakeRedisLine
from tests.fakes.scaling_record import FakeScalingRecord
from tests.fakes.stack_hand import FakeStackHand
from tests.fakes.stack_sight import FakeStackSight, container_id
from tests.fakes.state import FakeState
from tests.fakes.workers import FakeWorkers

CONFIG = InstanceConfig.model_validate(
    {"instance": {"domain": "social.example", "layout": "medium"}, "mail": {"mode": "none"}}
)
MACHINE = Machine(16 * GIB, 4)


class Scaled:
    """Everything survives `again`, which is a new process after a kill."""

    def __init__(self, mode: str = "auto", **config: Any) -> None:
        self.config = CONFIG.model_copy(update=config)
        self.policy: Policy = replace(policy_for(self.config, MACHINE), mode=mode)
        self.clock, self.fuse = FakeClock(), Fuse()
        self.stack, self.redis = FakeStackSight(), FakeRedisLine(self.clock.epoch_seconds())
        self.database, self.workers, self.http = FakeDatabaseLine(), FakeWorkers(), FakeHttp()
        self.host = FakeHost()
        self.host.ram = replace(self.host.ram, total_bytes=16 * GIB, available_bytes=10 * GIB)
        self.host.processors = 4
        self.hand = FakeStackHand(self.stack, self.fuse)
        self.record, self.state = FakeScalingRecord(self.fuse), FakeState(fuse=self.fuse)
        self.journal, self.command = FakeJournal(), FakeOwnCommand()
        self.changing: dict[str, str] = {}
        self.alone: dict[str, str] = {}
        self.said: list[str] = []
        self.stack.all()
        for plan in self.policy.layout.sidekiq:
            self.stack.replicas(plan.service, plan.replicas)
        self.workers.pumas[container_id("web", 1)] = Puma(self.policy.layout.web.processes, 1, 0)
        self.http.pages["http://10.0.3.11:3000/health"] = answer(200, b"OK")
        self.busy: dict[str, int] = {}
        self.loop = self._made()

    def _made(self) -> Loop:
        eyes = Eyes(self.stack, self.redis, self.database, self.workers, self.http, self.host, self.clock)
        self.sampler = Sampler(eyes, self.policy.layout)
        hands = Hands(self.hand, self.workers, self.redis, self.state, self.journal, self.command)
        return Loop(
            self.policy,
            Around(
                sampler=self.sampler,
                actor=Actor(hands, self.policy.layout, self.sampler),
                record=self.record,
                state=self.state,
                alone=FakeLock(self.alone),
                changing=FakeLock(self.changing),
                clock=self.clock,
                tell=self.said.append,
                plan=self._planned,
                end_surge=lambda: self.command.run("surge", "off"),
                end_holds=lambda: self.command.run("scale", "release", "--over"),
            ),
        )

    def _planned(self, nodes: tuple[Node, ...]) -> Policy:
        made = policy_for(self.config, MACHINE, rooms(self.config.stack, nodes))
        return replace(made, mode=self.policy.mode)

    def again(self) -> Scaled:
        """Killed, and started again."""
        self.changing.clear()
        self.alone.clear()
        self.loop = self._made()
        self.loop.load()
        return self

    # ---- the instance

    def work(self, queue: str, size: int, latency: float, busy: int) -> None:
        """So many jobs wait in a queue, the oldest for so long, and so many threads of its service work."""
        self.redis.lists[f"queue:{queue}"] = []
        now = self.clock.epoch_seconds()
        for number in range(size):
            age = latency * (size - number) / size
            self.redis.push(queue, {"class": "X", "queue": queue, "enqueued_at": int((now - age) * 1000)})
        self.busy[queue] = busy

    def beat(self) -> None:
        """Every process beats; the busy threads of a queue are spread over those of its service."""
        self.redis.now = self.clock.epoch_seconds()
        self.redis.sets["processes"] = set()
        for plan in self.policy.layout.sidekiq:
            number = self.stack.wanted.get(plan.service, 0)
            left = sum(self.busy.get(queue, 0) for queue in plan.queues if plan.service != "sidekiq")
            for slot in range(1, number + 1):
                identity = f"{container_id(plan.service, slot)[:12]}:1:x"
                busy = min(plan.threads, left)
                left -= busy
                self.redis.beat(identity, queues=plan.queues, threads=plan.threads, busy=busy)
                own = next(queue for queue in plan.queues if plan.service == "sidekiq" or queue)
                self.redis.hashes[f"{identity}:work"] = {
                    f"t{at}": json.dumps({"queue": own, "payload": "{}", "run_at": int(self.redis.now)})
                    for at in range(busy)
                }

    def tick(self, times: int = 1) -> tuple[Decision, ...]:
        """Ten seconds each."""
        found: tuple[Decision, ...] = ()
        for _ in range(times):
            self.clock.sleep(10)
            self.beat()
            self.workers.host = (self.workers.host[0] + 8, self.workers.host[1] + 40)
            found = self.loop.tick()
        return found
