"""Samples as they are kept, and the trace made of them."""

from __future__ import annotations

import json

import pytest

from instancectl.core.scaling import recorded
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.sample import QueueSample
from instancectl.core.scaling.simulator import trace
from instancectl.core.scaling.state import State
from instancectl.core.unknown import Unknown
from instancectl.errors import Refused
from tests.unit.core.scaling.situations import START, reference_policy, sample


def rows(minutes: int, *, busy: int = 10, signups: int = 3) -> list[recorded.Recorded]:
    state, found = State(), []
    for tick in range(minutes * 6 + 1):
        seen = sample(START + 10 * tick, queues={"push": QueueSample(0, 0.0, busy)}, signups=signups)
        state, _ = decide(reference_policy(), state, seen)
        row = recorded.row(seen, state)
        assert row is not None
        found.append((seen.at, json.loads(json.dumps(row))))
    return found


def test_of_what_is_unknown_nothing_is_kept() -> None:
    assert recorded.row(sample(queues={}, web=Unknown("no")), State()) is not None
    assert recorded.row(sample(), State())["signups"] == 0
    blind = sample()
    assert recorded.row(type(blind)(at=1.0), State()) is None


def test_a_recording_becomes_a_trace_that_can_be_written_and_read() -> None:
    made = recorded.trace(rows(12), "last-tuesday")
    assert made.seconds == 13 * 60
    assert not made.follow_up
    steady = made.rows[5]
    assert steady.jobs["push"] == pytest.approx(10 / 0.30, rel=0.05)  # Little's law, 0.3 s a delivery
    assert steady.signups == pytest.approx(0.3)
    assert steady.requests == pytest.approx(0.2 / recorded.REQUEST_CORE_SECONDS)
    again = trace.parsed(trace.written(made), made.name)
    assert again.follow_up is False
    assert [row.at for row in again.rows] == [row.at for row in made.rows]


def test_too_little_is_refused() -> None:
    with pytest.raises(Refused, match="less than ten minutes"):
        recorded.trace(rows(3), "today")
    with pytest.raises(Refused):
        recorded.trace([], "today")
