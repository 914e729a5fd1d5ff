"""Threads are judged every hour; a proposal is said once, and done by itself where that is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.config_scaling import Scaling
from instancectl.core.monitoring import catalogue_scaling as metrics
from instancectl.core.scaling.decision import Kind
from instancectl.core.scaling.settings import Policy
from instancectl.operations.scaling.advice import EVERY_SECONDS, Advice
from tests.fakes.scaling_record import FakeScalingRecord
from tests.operations.scaled import Scaled
from tests.unit.core.scaling.situations import THREADS, reference_layout, reference_policy

NOW = 1_000_000.0
FIVE = reference_policy(layout=reference_layout(threads=dict.fromkeys(THREADS, 5)), mode="advise")


def recorded(record: FakeScalingRecord, until: float, share: float) -> None:
    """Ten minutes of `push`, whose busy threads use this share of a core each."""
    for tick in range(60):
        row = {"services": {"sidekiq-push": [1, 0, 0, 2, 2 * share, 300]}}
        record.keep(until - 10 * tick, {}, row, [])


def test_a_proposal_is_said_once_and_again_when_the_mix_of_work_changes() -> None:
    record = FakeScalingRecord()
    recorded(record, NOW, 0.03)
    advice = Advice(record)
    (one,) = advice.due(FIVE, NOW)
    assert (one.kind, one.subject, one.before, one.target, one.changes) == (
        Kind.ASK, "sidekiq-push", 5, 25, False,
    )  # fmt: skip
    assert "0.85 / 0.030 = 28.3" in one.reason
    assert "instancectl scale tune --apply" in one.reason
    assert not advice.due(FIVE, NOW + EVERY_SECONDS)
    later = NOW + 10 * EVERY_SECONDS
    recorded(record, later, 0.08)
    assert [one.target for one in advice.due(FIVE, later)] == [11]


def test_it_looks_once_an_hour_and_not_at_all_when_scaling_is_off() -> None:
    record = FakeScalingRecord()
    advice = Advice(record)
    assert not advice.due(FIVE, NOW)
    recorded(record, NOW + 10, 0.03)
    assert not advice.due(FIVE, NOW + EVERY_SECONDS - 1)
    assert not advice.due(reference_policy(layout=FIVE.layout, mode="off"), NOW + EVERY_SECONDS)
    assert advice.due(FIVE, NOW + EVERY_SECONDS)


def test_threads_now_and_wanted_are_measured_where_enough_was_recorded() -> None:
    record = FakeScalingRecord()
    recorded(record, NOW, 0.03)
    advice = Advice(record)
    assert not list(advice.readings())
    advice.due(FIVE, NOW)
    assert [(one.metric, one.value, one.labels) for one in advice.readings()] == [
        (metrics.THREADS, 5, ("sidekiq-push",)),
        (metrics.WANTED_THREADS, 25, ("sidekiq-push",)),
    ]


def test_the_loop_writes_it_down_and_tells_it() -> None:
    world = Scaled("advise")
    recorded(world.record, world.clock.epoch_seconds(), 0.2)
    world.tick()
    kept = [one.decision for one in world.record.kept if one.decision["rule"] == "tune"]
    assert [one["subject"] for one in kept] == ["sidekiq-push"]
    assert any("threads: a busy thread uses 0.200 of a core" in said for said in world.said)
    assert metrics.WANTED_THREADS in {one.metric for one in world.loop.readings()}
    world.tick(3)
    assert len([one for one in world.record.kept if one.decision["rule"] == "tune"]) == 1


HOUR = [EVERY_SECONDS * number for number in range(60)]
TUNING = replace(FIVE, mode="auto", tunes=True)


def asked(
    advice: Advice, record: FakeScalingRecord, hours: range, *, acted: bool = True
) -> list[tuple[int, Kind]]:
    """What was decided in which hour; the work is always the same."""
    found = []
    for hour in hours:
        now = NOW + HOUR[hour]
        recorded(record, now, 0.03)
        decisions = advice.due(TUNING, now)
        for number in record.keep(now, {}, None, [one.as_json() for one in decisions]) if acted else ():
            record.ended(number, "done")
        found += [(hour, one.kind) for one in decisions]
    return found


def test_what_was_found_twice_is_done_once_a_day() -> None:
    record = FakeScalingRecord()
    found = asked(Advice(record), record, range(30))
    assert found == [(0, Kind.ASK), (1, Kind.TUNE), (26, Kind.TUNE)]


def test_what_was_not_done_is_due_an_hour_later() -> None:
    record = FakeScalingRecord()
    found = asked(Advice(record), record, range(4), acted=False)
    assert found == [(0, Kind.ASK), (1, Kind.TUNE), (2, Kind.TUNE), (3, Kind.TUNE)]


@pytest.mark.parametrize(
    ("policy", "calm"),
    [(replace(TUNING, tunes=False), True), (replace(TUNING, mode="advise"), True), (TUNING, False)],
    ids=["not wanted", "advises only", "surge"],
)
def test_nothing_is_done_unless_wanted_and_calm(policy: Policy, calm: bool) -> None:
    record = FakeScalingRecord()
    advice = Advice(record)
    for hour in range(3):
        recorded(record, NOW + HOUR[hour], 0.03)
        assert all(one.kind is Kind.ASK for one in advice.due(policy, NOW + HOUR[hour], calm=calm))


def test_the_loop_begins_the_command_and_does_not_wait_for_it() -> None:
    world = Scaled("auto", scaling=Scaling(mode="auto", tune="auto"))
    for hour in range(2):
        recorded(world.record, world.clock.epoch_seconds(), 0.2)
        world.tick()
        assert bool(world.command.begun) is bool(hour)
        world.clock.sleep(EVERY_SECONDS)
    assert world.command.begun == [("--yes", "scale", "tune", "--apply", "--only", "--last", "6h")]
    assert any("asked twice for other threads: `sidekiq-push`" in said for said in world.said)
    assert world.journal.written[-1]["event"] == "scaled"
