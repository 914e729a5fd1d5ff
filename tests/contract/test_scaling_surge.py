"""The live loop on real Sidekiq processes that real deliveries overrun: what is slow stays slow without it.

Containers take the place of Swarm; what reads, decides and acts is that of the agent.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from instancectl.adapters.container_work import ContainerWork
from instancectl.adapters.host_psutil import PsutilHost
from instancectl.adapters.postgres import PostgresLine
from instancectl.adapters.redis_line import RespRedisLine
from instancectl.adapters.sqlite.scaling_record import SqliteScalingRecord
from instancectl.adapters.system_clock import SystemClock
from instancectl.core.monitoring.sight import Replica, Sight
from instancectl.core.scaling.settings import Policy, policy_for
from instancectl.core.secrets import Secret
from instancectl.core.sizes import Machine
from instancectl.operations.scaling.acting import Actor, Hands
from instancectl.operations.scaling.loop import Around, Loop
from instancectl.operations.scaling.sampling import Eyes, Sampler
from instancectl.ports.workers import Puma
from tests.contract.standin_harness import Standin, built_images, docker, eventually
from tests.e2e.peers import Flow, Peers
from tests.fakes import instance
from tests.fakes.http import FakeHttp
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.own_command import FakeOwnCommand
from tests.fakes.state import FakeState

pytestmark = [pytest.mark.contract, pytest.mark.slow]

PUSH = "sidekiq-push"
OBJECTIVE = 12
FLOW, SECONDS = 42.0, 60
"""Deliveries a second; one process of 25 threads and the base process carry 30, at a second each."""

CONFIG = instance.config(
    scaling={"objectives": {"push": OBJECTIVE}}, database={"max_connections": 300}, machine={"cores": 2}
)


class Containers:
    """Sidekiq services out of containers; the eye and the hand of the loop."""

    def __init__(self, standin: Standin, policy: Policy) -> None:
        self._standin, self._policy = standin, policy
        self.wanted = {"sidekiq": 0, PUSH: 0, "web": 1}
        self._running: dict[str, list[tuple[str, str, int]]] = {"sidekiq": [], PUSH: []}
        self._stopping: list[subprocess.Popen[bytes]] = []
        self._made = 0

    def look(self) -> Sight:
        found = [
            Replica(service, slot, identifier, {}, runs=True, here=True)
            for service, running in self._running.items()
            for slot, (_, identifier, _) in enumerate(running, 1)
        ]
        return Sight(dict(self.wanted), (*found, Replica("web", 1, "web", {}, runs=True, here=True)))

    def process(self, identifier: str) -> int:
        every = (one for running in self._running.values() for one in running)
        return next((process for _, known, process in every if known == identifier), 0)

    def replicate(self, service: str, number: int) -> None:
        running = self._running[service]
        plan = self._policy.plan(service)
        while len(running) < number:
            self._made += 1
            name = self._standin.start(
                f"{service}-{self._made}", "mastodon", "bundle", "exec", "sidekiq", *plan.arguments,
                env={"SIDEKIQ_CONCURRENCY": str(plan.threads), "STANDIN_BOOT_SECONDS": "2"},
            )  # fmt: skip
            identifier, process = docker("inspect", "--format", "{{.Id}} {{.State.Pid}}", name).split()
            running.append((name, identifier, int(process)))
        while len(running) > number:
            name, _, _ = running.pop()
            self._stopping.append(
                subprocess.Popen(["docker", "stop", "--time", "60", name], stderr=subprocess.DEVNULL)
            )
        self.wanted[service] = number

    def end(self, container_id: str, grace_seconds: int) -> None:
        docker("stop", "--time", str(grace_seconds), container_id)

    def allow(self, container_id: str, *, memory_bytes: int = 0, weight: int = 0) -> None:
        """Nothing: beside tests that run at the same time, steep weights would starve these."""

    def settle(self) -> None:
        for one in self._stopping:
            one.wait(timeout=90)


class Workers(ContainerWork):
    """The real ones, with a Puma at rest: the site is not what this is about."""

    def puma(self, container_id: str) -> Puma | None:
        return Puma(2, 0, 0) if container_id == "web" else None

    def processor_seconds(self, container_id: str) -> float | None:
        return 0.0 if container_id == "web" else super().processor_seconds(container_id)


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    images = built_images("postgres", "redis", "mail", "mastodon")
    with Standin(tmp_path_factory.mktemp("surge"), images) as made:
        made.stores()
        prepared = made.run("bundle", "exec", "rails", "db:prepare", env={"SAFETY_ASSURED": "1"})
        assert prepared.code == 0, prepared.output
        made.create_user("admin")
        yield made


class Live:
    """One run of the loop beside the containers."""

    def __init__(self, standin: Standin, directory: Path, mode: str) -> None:
        machine = Machine(PsutilHost().memory().total_bytes, 2)
        policy = replace(policy_for(CONFIG, machine), mode=mode)
        self.containers = Containers(standin, policy)
        redis, db = (standin.address(role) for role in ("redis", "db"))
        self.said: list[str] = []
        self.record = SqliteScalingRecord(directory / "scaling.sqlite3")
        self.state = FakeState()
        self._redis = RespRedisLine(
            lambda seconds: socket.create_connection((redis, 6379), seconds),
            Secret(standin.settings["REDIS_PASSWORD"]),
        )
        self._database = PostgresLine(
            lambda seconds: socket.create_connection((db, 5432), seconds), Secret(standin.settings["DB_PASS"])
        )
        workers = Workers(self.containers.process)
        eyes = Eyes(
            self.containers, self._redis, self._database, workers, FakeHttp(), PsutilHost(), SystemClock()
        )
        sampler = Sampler(eyes, policy.layout)
        hands = Hands(self.containers, workers, self._redis, self.state, FakeJournal(), FakeOwnCommand())
        around = Around(
            sampler=sampler, actor=Actor(hands, policy.layout, sampler), record=self.record, state=self.state,
            alone=FakeLock(), changing=FakeLock(), clock=SystemClock(), tell=self.said.append,
            end_surge=lambda: (0, ""), end_holds=lambda: (0, ""),
        )  # fmt: skip
        self._over = threading.Event()
        loop = Loop(policy, around)
        self._thread = threading.Thread(target=lambda: loop.run(self._over.wait), daemon=True)

    def start(self) -> None:
        self.containers.replicate("sidekiq", 1)
        self.containers.replicate(PUSH, 1)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(timeout=30)
        self.containers.replicate("sidekiq", 0)
        self.containers.replicate(PUSH, 0)
        self.containers.settle()
        self.record.close()
        self._redis.close()
        self._database.close()


def overrun(standin: Standin, peers: Peers, directory: Path, mode: str) -> tuple[float, Live]:
    """The longest that a delivery waited while more came than one process delivers."""
    live = Live(standin, directory, mode)
    peers.received.clear()
    flow = Flow(standin, peers)
    live.start()
    try:
        eventually(lambda: len(beating(standin, live)) == 2, seconds=90)
        time.sleep(12)  # a sample before the surge
        longest = flow.keep_up(FLOW, SECONDS)
        if mode == "auto":
            told(standin, live)
            live.containers.replicate(PUSH, 1)  # while both are at work
        flow.settle()
        assert sorted(peers.received) == list(range(flow.sent)), "every delivery arrived"
    finally:
        live.stop()
    return longest, live


def beating(standin: Standin, live: Live) -> list[str]:
    """Identities of the processes of this run; one that was killed may be listed for a minute more."""
    hosts = [one.container_id[:12] for one in live.containers.look().replicas]
    names = standin.redis("SMEMBERS", "processes").split()
    return [name for name in names if name.partition(":")[0] in hosts]


def told(standin: Standin, live: Live) -> None:
    """From the sample that saw the threat to a second process that works, by Sidekiq's own clock."""
    assert live.containers.wanted[PUSH] == 2, live.said
    grown = next(one for one in live.record.decisions(0, 1e12) if one.outcome == "done")
    infos = [json.loads(standin.redis("HGET", name, "info")) for name in beating(standin, live)]
    works = max(info["started_at"] for info in infos)
    print(f"{grown.decision['reason']}: decision → works {works - grown.at:.1f} s, at most 10 s before it")
    assert works - grown.at + 10 <= 30
    assert live.state.load().scale[PUSH] == 2


def test_fixed_capacity_breaks_its_objective_and_the_loop_holds_it(standin: Standin, tmp_path: Path) -> None:
    with Peers(4, seconds=1.0, network=standin.token) as peers:
        fixed, advised = overrun(standin, peers, tmp_path / "fixed", "advise")
        scaled, _ = overrun(standin, peers, tmp_path / "scaled", "auto")
    print(f"the oldest delivery waited {fixed:.1f} s with one process, {scaled:.1f} s with the loop")
    assert any(said.startswith(f"would do: `{PUSH}` 1 → 2") for said in advised.said)
    assert scaled <= OBJECTIVE < fixed
