"""A sample of a real Redis with 100,000 jobs: exact arrivals, and as cheap as that of a short queue."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from instancectl.adapters.redis_line import RespRedisLine
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.secrets import Secret
from instancectl.operations.scaling.acting import Actor, Hands
from instancectl.operations.scaling.sampling import Eyes, Sampler
from tests.contract.store_containers import PASSWORD, network_of, redis, redis_cli
from tests.operations.scaled import Scaled

pytestmark = pytest.mark.contract

JOBS = 100_000
PER_SECOND = 200


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """`push` holds 500 s of deliveries, the newest a moment old."""
    with redis() as name:
        now = time.time()
        lines = []
        for number in range(JOBS):
            at = int((now - (JOBS - number) / PER_SECOND) * 1000)
            job = json.dumps({"class": "X", "queue": "push", "args": [number], "enqueued_at": at})
            lines.append(f"LPUSH queue:push '{job}'")
        redis_cli(name, stdin="\n".join(["SADD queues push", *lines]) + "\n")
        yield name


class Asked:
    """Counts what goes over the line."""

    def __init__(self, line: RespRedisLine) -> None:
        self._line = line
        self.commands: list[tuple[str, ...]] = []
        self.trips = 0

    def ask(self, commands):
        self.trips += 1
        self.commands += commands
        return self._line.ask(commands)

    def greet(self) -> None:
        self._line.greet()


@pytest.fixture
def world(name: str) -> Iterator[tuple[Scaled, Asked]]:
    network = network_of(name)
    line = RespRedisLine(lambda seconds: network.connect(("127.0.0.1", 6379), seconds), Secret(PASSWORD))
    made, asked = Scaled(), Asked(line)
    eyes = Eyes(made.stack, asked, made.database, made.workers, made.http, made.host, made.clock)
    made.sampler = Sampler(eyes, made.policy.layout)
    yield made, asked
    line.close()


def test_arrivals_are_exact_and_quick_and_no_list_is_read(world: tuple[Scaled, Asked]) -> None:
    made, asked = world
    made.sampler.sample(made.loop.mails)
    asked.commands.clear()
    asked.trips = 0
    before = time.time()
    started = time.process_time()
    sample, _ = made.sampler.sample(made.loop.mails)
    took = time.process_time() - started
    push = sample.queues["push"]
    newest = age_of_newest(asked)
    assert push.size == JOBS
    assert push.latency_seconds == pytest.approx(JOBS / PER_SECOND + newest, abs=1.5)
    assert push.arrivals == pytest.approx(max(0.0, 20 - newest) * PER_SECOND, abs=PER_SECOND)
    assert took < 0.05
    assert time.time() - before < 2
    assert asked.trips <= 25
    assert not {one[0] for one in asked.commands} & {"LRANGE", "KEYS", "SCAN"}


def age_of_newest(asked: Asked) -> float:
    """Seconds since the newest job was queued."""
    (newest,) = asked.ask([("LINDEX", "queue:push", "0")])
    return time.time() - json.loads(newest)["enqueued_at"] / 1000


def test_mails_that_wait_are_due_at_once_and_nothing_else(world: tuple[Scaled, Asked], name: str) -> None:
    made, asked = world
    later = time.time() + 900
    mail, other = '{"queue":"mailers","jid":"a"}', '{"queue":"push","jid":"b"}'
    redis_cli(name, "ZADD", "retry", str(later), mail, str(later), other)
    made.sampler.sample(made.loop.mails)
    hands = Hands(made.hand, made.workers, asked, made.state, made.journal, made.command)
    actor = Actor(hands, made.policy.layout, made.sampler)
    assert actor.act(Decision(Kind.RETRY, "mailers", 1, 0, "breaker", "")) == "done"
    assert float(redis_cli(name, "ZSCORE", "retry", mail)) <= time.time()
    assert float(redis_cli(name, "ZSCORE", "retry", other)) == pytest.approx(later)
    redis_cli(name, "ZREM", "retry", mail)  # taken meanwhile
    assert actor.act(Decision(Kind.RETRY, "mailers", 1, 0, "breaker", "")) == "done"
    assert not redis_cli(name, "ZSCORE", "retry", mail).strip()
