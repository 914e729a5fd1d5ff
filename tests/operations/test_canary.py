"""The canary on the write path of an instance out of fakes."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

import pytest

from instancectl.core.checks.seen import NoAnswer
from instancectl.core.monitoring import catalogue_probes as metrics
from instancectl.core.monitoring.canary import AGAIN_SECONDS, EVERY_SECONDS, OLD_SECONDS, PATIENCE_SECONDS
from instancectl.core.secrets import Secret
from instancectl.core.unknown import Unknown
from instancectl.operations.monitoring.canary import Canary, Perch
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp, answer
from tests.fakes.live_stream import FakeLive, FakeMessages
from tests.fakes.reporter import FakeReporter
from tests.fakes.stack_sight import FakeStackSight

CONFIG = instance.config(monitoring={"canary": True})


@dataclass
class World:
    """One replica of `cache`, an account, and a timeline that shows its posts."""

    token: str = "t0k"
    deployed: bool = True
    stack: FakeStackSight = field(default_factory=FakeStackSight)
    http: FakeHttp = field(default_factory=FakeHttp)
    live: FakeLive = field(default_factory=FakeLive)
    clock: FakeClock = field(default_factory=FakeClock)
    reporter: FakeReporter = field(default_factory=FakeReporter)
    takes: float = 0.4

    def __post_init__(self) -> None:
        self.stack.all()
        self.page("statuses", answer(200, b'{"id":"7","account":{"id":"1"}}'))
        self.page("statuses/7", answer(200))
        self.page("accounts/1/statuses?limit=40", answer(200, b"[]"))
        self.live.stream = self.showing("7")
        self.canary = Canary(
            CONFIG,
            Perch(
                self.stack, self.http, self.live, self.clock, self.reporter, Secret(self.token),
                lambda: "nonce", lambda: self.deployed, lambda work: work(),
            ),
        )  # fmt: skip

    def page(self, path: str, said: object) -> None:
        self.http.pages[f"http://10.0.6.11:8080/api/v1/{path}"] = said

    def showing(self, *ids: str) -> FakeMessages:
        """A timeline on which these posts arrive, the last of them after `takes` seconds."""
        found = FakeMessages()

        def more() -> list[str]:
            found.more = list
            self.clock.sleep(self.takes)
            return [json.dumps({"event": "update", "payload": json.dumps({"id": one})}) for one in ids]

        found.clock, found.more = self.clock, more
        return found

    def exported(self) -> dict[str, object]:
        return {one.metric.name: one.value for one in self.canary.samples()}

    def asked(self) -> list[tuple[str, str]]:
        return [(one.method, one.url.partition("/api/v1/")[2]) for one in self.http.asked]


def test_a_post_that_arrives_is_timed_and_deleted() -> None:
    world = World()
    found = world.canary.run()
    assert (found.failed_at, found.seconds) == ("", 0.4)
    assert ("DELETE", "statuses/7") in world.asked()
    assert world.live.stream.closed
    exported = world.exported()
    assert exported[metrics.CANARY_POSTS.name] == 1
    assert exported[metrics.CANARY_FAILURES.name] == 0
    assert exported[metrics.CANARY_SUCCESS.name] == 1
    assert exported[metrics.CANARY_DELIVERY.name].total == 0.4


def test_it_listens_before_it_posts() -> None:
    world = World()
    world.live.stream = NoAnswer("connection refused")
    assert world.canary.run().failed_at == "stream"
    assert not world.http.asked


def test_a_post_that_never_arrives_is_a_failure_and_deleted_all_the_same() -> None:
    world = World()
    world.live.stream = world.showing("6", "8")
    found = world.canary.run()
    assert found.failed_at == "arrival"
    assert f"{PATIENCE_SECONDS:.0f} s" in found.said
    assert ("DELETE", "statuses/7") in world.asked()
    assert world.exported()[metrics.CANARY_FAILURES.name] == 1
    assert world.exported()[metrics.CANARY_SUCCESS.name] == 0


def test_a_timeline_that_is_cut_is_a_failure_and_the_post_is_deleted() -> None:
    world = World()
    world.live.stream = FakeMessages(cut=True)
    assert world.canary.run().failed_at == "arrival"
    assert ("DELETE", "statuses/7") in world.asked()


@pytest.mark.parametrize("said", [answer(500), NoAnswer("no answer within 10 s", "timeout")])
def test_a_post_that_is_not_accepted_is_a_failure(said: object) -> None:
    world = World()
    world.page("statuses", said)
    assert world.canary.run().failed_at == "post"


@pytest.mark.parametrize("where", ["stream", "post", "no token", "the engine"])
def test_what_is_the_canarys_own_trouble_counts_for_nothing(where: str) -> None:
    world = World(token="" if where == "no token" else "t0k")
    if where == "stream":
        world.live.stream = answer(401)
    if where == "post":
        world.page("statuses", answer(403))
    world.stack.engine_down = where == "the engine"
    assert isinstance(world.canary.run(), Unknown)
    exported = world.exported()
    assert exported[metrics.CANARY_POSTS.name] == 0
    assert metrics.CANARY_SUCCESS.name not in exported


def test_without_a_cache_it_fails_once_an_instance_was_there() -> None:
    world = World()
    world.stack.gone = {"cache"}
    assert world.canary.run().failed_at == "reach"
    world.deployed = False
    assert isinstance(world.canary.run(), Unknown)


def test_what_earlier_runs_left_behind_is_deleted_once_and_nothing_else_is() -> None:
    world = World()
    left = [
        {"id": "5", "visibility": "direct", "content": "<p>instancectl canary old</p>"},
        {"id": "6", "visibility": "direct", "content": "<p>hello</p>"},
    ]
    world.page("accounts/1/statuses?limit=40", answer(200, json.dumps(left).encode()))
    world.page("statuses/5", answer(200))
    world.canary.run()
    world.live.stream = world.showing("7")
    world.canary.run()
    assert [path for method, path in world.asked() if method == "DELETE"] == [
        "statuses/7", "statuses/5", "statuses/7",
    ]  # fmt: skip


def test_a_post_that_could_not_be_deleted_is_looked_for_next_time() -> None:
    world = World()
    world.canary.run()
    world.page("statuses/7", answer(503))
    world.live.stream = world.showing("7")
    assert world.canary.run().failed_at == ""
    world.live.stream = world.showing("7")
    world.canary.run()
    assert [path for _, path in world.asked()].count("accounts/1/statuses?limit=40") == 3


def test_old_news_is_unknown() -> None:
    world = World()
    world.canary.run()
    assert not isinstance(world.canary.latest(), Unknown)
    world.clock.sleep(OLD_SECONDS + 1)
    assert isinstance(world.canary.latest(), Unknown)
    assert metrics.CANARY_SUCCESS.name not in world.exported()


def test_it_runs_every_five_minutes_and_sooner_after_a_failure_and_says_so_once() -> None:
    world = World()
    starts: list[float] = []
    world.stack.gone = {"cache"}

    def look(real=world.stack.look):
        starts.append(world.clock.now)
        if len(starts) == 3:
            world.stack.gone = set()
        if len(starts) == 5:
            world.canary.close()
        world.live.stream = world.showing("7")
        return real()

    world.stack.look = look
    world.canary.start()
    between = [round(b - a) for a, b in itertools.pairwise(starts)]
    assert between[:2] == [AGAIN_SECONDS, AGAIN_SECONDS]
    assert all(one in range(int(EVERY_SECONDS), int(EVERY_SECONDS) + 3) for one in between[2:])
    assert world.reporter.notes == [
        "canary: `cache` has no replica that runs", "canary: posts arrive again",
    ]  # fmt: skip
