"""A second vantage, and the agent that listens to it."""

from __future__ import annotations

import json

import pytest

from instancectl.core.checks.seen import NoAnswer
from instancectl.core.monitoring import vantage as core
from instancectl.core.monitoring.sli import SLICE_SECONDS, Counts, Verdict, slice_of
from instancectl.errors import OperationFailed
from instancectl.operations.monitoring import vantage
from instancectl.operations.monitoring.merging import Merger
from instancectl.operations.monitoring.vantage import Eyes, Point, Post, Vantage
from instancectl.operations.monitoring.watch import Watch
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp, answer
from tests.fakes.lock import FakeLock
from tests.fakes.reporter import FakeReporter
from tests.fakes.supervisor import FakeSupervisor
from tests.fakes.together import OneByOne
from tests.fakes.uptime_ledger import FakeLedger

SITE = "social.example"
CONTROL = "https://elsewhere.example/"
POINT = Point("balcony", SITE, "", (CONTROL,))
GOOD = {"web": answer(202), "login": answer(200, b'<input name="user[password]">'),
        "federation": answer(404), "streaming": answer(401)}  # fmt: skip


class World:
    """An instance as it looks from outside; surfaces of `broken` answer 503."""

    def __init__(self) -> None:
        self.web, self.clock, self.ledger = FakeHttp(), FakeClock(), FakeLedger()
        self.reporter, self.broken = FakeReporter(), set[str]()
        self.eyes = Eyes(self, OneByOne(), self.clock)
        self.elsewhere = True
        self.asked: list[str] = []

    def ask(self, request):
        self.asked.append(request.url)
        if request.url == CONTROL:
            return answer(200) if self.elsewhere else NoAnswer("no route", "connect")
        surface = next(
            one.surface
            for one in core.asks(SITE, "")
            if request.url.startswith(f"https://{SITE}{one.path.partition('@')[0]}")
        )
        if not self.elsewhere:
            return NoAnswer("no route", "connect")
        return answer(503) if surface in self.broken else GOOD[surface]

    def vantage(self) -> Vantage:
        post = Post(
            self.ledger, FakeLock(), FakeSupervisor(), self.reporter, lambda _: pytest.fail("no server")
        )
        return Vantage(POINT, self.eyes, post)


@pytest.fixture
def world() -> World:
    return World()


def test_a_well_instance_is_well_and_nobody_else_is_asked(world: World) -> None:
    result = vantage.probe(POINT, world.eyes)
    assert result.exit_code == 0
    assert result.lines[0] == "social.example is well, seen from here"
    assert CONTROL not in world.asked
    assert set(result.data["verdicts"].values()) == {"good"}


@pytest.mark.parametrize("surface", core.SURFACES)
def test_a_surface_that_fails_twice_is_named(world: World, surface: str) -> None:
    world.broken = {surface}
    result = vantage.probe(POINT, world.eyes)
    assert result.exit_code == 4
    assert result.lines[0] == f"social.example is not well, seen from here: {surface}"
    assert result.data["verdicts"][surface] == "bad"
    assert result.data["verdicts"]["availability"] == ("good" if surface == "streaming" else "bad")
    assert world.asked.count(CONTROL) == 1


def test_a_machine_that_is_cut_off_knows_nothing(world: World) -> None:
    world.elsewhere = False
    result = vantage.probe(POINT, world.eyes)
    assert result.exit_code == 4
    assert result.lines[0] == "this machine reaches nothing at all: it cannot tell"
    assert set(result.data["verdicts"].values()) == {"unknown"}


def test_questions_are_new_every_time(world: World) -> None:
    world.broken = {"web", "login", "federation", "streaming"}
    vantage.probe(POINT, world.eyes)
    once = {url for url in world.asked if world.asked.count(url) == 1}
    # Twice each, and the control; the inbox and a WebSocket are never cached.
    assert len(once) == 2 * 2 + 1


def test_rounds_are_written_down_and_a_change_is_told_once(world: World) -> None:
    made = world.vantage()
    for broken in (set(), {"web"}, {"web"}, set()):
        world.broken = broken
        made.round()
        world.clock.sleep(SLICE_SECONDS)
    assert world.ledger.totals()["web"] == Counts(2, 2, 0)
    assert [note.partition(" seen")[0] for note in world.reporter.notes] == [
        "social.example is well,", "social.example is not well,", "social.example is well,"
    ]  # fmt: skip
    samples = {(one.metric.name, one.labels): one.value for one in made.samples()}
    assert samples["instancectl_probes_total", ("web", "balcony")] == 4
    assert samples["instancectl_probe_connectivity", ("balcony",)] == 1
    assert not [name for name, _ in samples if name.startswith("instancectl_sli")]


def test_a_full_disk_does_not_end_the_probing(world: World) -> None:
    world.ledger.broken = True
    made = world.vantage()
    made.round()
    assert made.rounds == 1
    assert "cannot use the uptime ledger: disk full" in world.reporter.notes


class Told:
    """What a vantage serves."""

    def __init__(self, document: object, status: int = 200) -> None:
        self.answer = answer(status, json.dumps(document).encode())
        self.asked: list[str] = []

    def ask(self, request):
        self.asked.append(request.url)
        return self.answer


def merger(told, ledger: FakeLedger, reporter: FakeReporter) -> Merger:
    return Merger(["http://10.86.0.9:9396"], told, ledger, FakeClock(), reporter, lambda _: None)


def exported(ledger: FakeLedger) -> dict[str, float]:
    """Counters of `web`."""
    samples = Watch(instance.config()).samples(ledger.totals(), ledger.filled())
    return {
        one.metric.name: one.value
        for one in samples
        if one.labels == ("web",) and "slices" in one.metric.name
    }


def test_an_hour_with_the_host_off_is_bad_not_missing(world: World) -> None:
    """The agent is gone for some slices, in which the other machine sees nothing answer."""
    agent = FakeLedger()
    made = world.vantage()
    for step in range(8):
        world.broken = {"web"} if 2 <= step < 6 else set()
        if not world.broken:
            agent.record(
                slice_of(world.clock.epoch_seconds()), {"web": Verdict.GOOD, "availability": Verdict.GOOD}, ""
            )
        made.round()
        world.clock.sleep(SLICE_SECONDS - world.clock.epoch_seconds() % SLICE_SECONDS)
    assert agent.totals()["web"] == Counts(4, 0, 4)
    told, before = Told(made.spells()), exported(agent)
    listening = merger(told, agent, world.reporter)
    assert listening.merge() == 8
    after = exported(agent)
    assert all(after[name] >= value for name, value in before.items())  # Prometheus knows no falling counter
    unknown, filled = (f"instancectl_sli_{one}_slices_total" for one in ("unknown", "filled"))
    assert (after[unknown], after[filled], before[filled]) == (4, 4, 0)
    assert told.asked == ["http://10.86.0.9:9396/spells"]
    assert agent.totals() == {"web": Counts(4, 4, 0), "availability": Counts(4, 4, 0)}
    assert agent.spells("web", 9)[1].cause == "seen from balcony"
    assert [(one.labels, one.value) for one in listening.samples()] == [(("balcony",), 1.0)]
    assert listening.merge() == 0


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "cannot be read"),
        ({"vantage": "b", "connected": True}, "spells: Field required"),
        ({"vantage": "b", "connected": True, "spells": {"web": [[5, "x", "bad"]]}}, "cannot be read"),
        ({"vantage": "b", "connected": True, "spells": {"web": [[5, 6, "nice"]]}}, "cannot be read"),
    ],
)
def test_what_cannot_be_read_changes_nothing_and_is_said_once(document: object, said: str) -> None:
    ledger, reporter = FakeLedger(), FakeReporter()
    ledger.record(4, {"web": Verdict.GOOD}, "")
    ledger.record(9, {"web": Verdict.GOOD}, "")
    listening = merger(Told(document), ledger, reporter)
    assert (listening.merge(), listening.merge()) == (0, 0)
    assert ledger.totals()["web"] == Counts(2, 0, 4)
    (note,) = reporter.notes
    assert said in note
    assert [one.value for one in listening.samples()] == [0.0]


def test_a_vantage_that_is_gone_and_a_broken_ledger_are_said() -> None:
    ledger, reporter = FakeLedger(), FakeReporter()
    assert merger(Told({}, 500), ledger, reporter).merge() == 0
    assert "it answered 500" in reporter.notes[-1]
    ledger.broken = True
    with pytest.raises(OperationFailed):
        ledger.totals()
    told = Told({"vantage": "b", "connected": True, "spells": {"web": [[5, 6, "bad"]]}})
    assert merger(told, ledger, reporter).merge() == 0
    assert "disk full" in reporter.notes[-1]


class Several:
    """Vantages by their addresses; None is one that does not answer."""

    def __init__(self, **documents: object) -> None:
        self.documents = documents

    def ask(self, request):
        found = self.documents[request.url.split("/")[2]]
        return answer(502) if found is None else answer(200, json.dumps(found).encode())


def seen(name: str, *spells: list[object]) -> dict[str, object]:
    return {"vantage": name, "connected": True, "spells": {"web": list(spells)}}


def several(told: Several, ledger: FakeLedger, clock: FakeClock) -> Merger:
    addresses = [f"http://{name}" for name in told.documents]
    return Merger(addresses, told, ledger, clock, FakeReporter(), lambda _: None)


def watched_for(slices: int, clock: FakeClock) -> tuple[FakeLedger, int]:
    """A ledger that was good for so many slices, up to now; and its first slice."""
    ledger, last = FakeLedger(), slice_of(clock.epoch_seconds())
    for number in range(last - slices + 1, last + 1):
        ledger.record(number, {"web": Verdict.GOOD}, "")
    return ledger, last - slices + 1


def test_what_two_see_and_the_host_does_not_is_an_outage_and_what_one_sees_is_none() -> None:
    clock = FakeClock()
    ledger, first = watched_for(10, clock)
    told = Several(
        a=seen("a", [first, first + 3, "bad"], [first + 4, first + 9, "good"]),
        b=seen("b", [first, first, "good"], [first + 1, first + 5, "bad"], [first + 6, first + 9, "good"]),
    )
    assert several(told, ledger, clock).merge() == 3
    assert ledger.totals()["web"] == Counts(7, 3, 0)
    (bad,) = [one for one in ledger.spells("web", 9) if one.verdict is Verdict.BAD]
    assert (bad.first, bad.last) == (first + 1, first + 3)
    assert several(told, ledger, clock).merge() == 0


def test_whoever_does_not_answer_is_waited_for_but_not_for_longer_than_an_hour() -> None:
    clock = FakeClock()
    slices = 2 * 3600 // SLICE_SECONDS
    ledger, first = FakeLedger(), slice_of(clock.epoch_seconds()) - slices
    ledger.record(first - 1, {"web": Verdict.GOOD}, "")
    ledger.record(first + slices, {"web": Verdict.GOOD}, "")
    told = Several(a=seen("a", [first, first + slices, "bad"]), b=None)
    listening = several(told, ledger, clock)
    assert listening.merge() == slices // 2 + 1
    told.documents["b"] = seen("b", [first, first + slices, "good"])
    assert listening.merge() == slices // 2 - 1  # what two disagree on is good, and nothing bad is taken back
    assert ledger.totals()["web"] == Counts(slices // 2 + 1, slices // 2 + 1, 0)
