"""Threads from what was measured: those that wait get many, those that compute few."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.scaling import tune
from instancectl.core.scaling.recorded import Recorded
from tests.unit.core.scaling.situations import THREADS, reference_layout

FIVE = dict.fromkeys(THREADS, 5)
ANOTHER = {"default": 0.8, "push": 0.033, "ingress": 0.6, "mailers": 0.11, "pull": 0.05}
"""Shares of a core that a busy thread uses, measured on a real instance."""


def rows(busy: float, shares: dict[str, float], count: int = 60, replicas: int = 1) -> list[Recorded]:
    return [
        (
            10.0 * tick,
            {
                "services": {
                    f"sidekiq-{queue}": [replicas, 0, 0, busy, busy * share, 300]
                    for queue, share in shares.items()
                }
            },
        )
        for tick in range(count)
    ]


def wanted(found: tuple[tune.Proposal, ...]) -> dict[str, int]:
    return {one.service.removeprefix("sidekiq-"): one.wanted for one in found}


def test_the_tuned_layout_is_found_from_five_threads_everywhere() -> None:
    found = wanted(tune.proposals(reference_layout(threads=FIVE), rows(1.0, ANOTHER)))
    assert found["push"] == 25
    assert found["pull"] == 17
    assert found["mailers"] == 8
    assert found["default"] == 3
    assert found["ingress"] == 3


def test_what_is_found_stays() -> None:
    layout = reference_layout(threads=FIVE)
    first = wanted(tune.proposals(layout, rows(1.0, ANOTHER)))
    again = tune.proposals(reference_layout(threads=first), rows(1.0, ANOTHER))
    assert not [one for one in again if one.changes]


def test_a_full_process_that_fills_its_core_gets_half_the_threads_and_wants_processes() -> None:
    layout = reference_layout(threads={**THREADS, "default": 10})
    (found,) = [
        one
        for one in tune.proposals(layout, rows(10.0, {"default": 0.095}))
        if one.service == "sidekiq-default"
    ]
    assert found.wanted == 5
    assert found.more
    assert "0.95 of a core" in found.reason


def test_too_little_work_says_nothing() -> None:
    for few in ([], rows(1.0, ANOTHER, count=5)):
        found = tune.proposals(reference_layout(), few)
        assert not [one for one in found if one.changes]
        assert all("are needed to judge" in one.reason for one in found)


def test_the_sentence_holds_the_arithmetic() -> None:
    (push,) = [
        one
        for one in tune.proposals(reference_layout(threads=FIVE), rows(1.0, ANOTHER))
        if one.service == "sidekiq-push"
    ]
    assert push.reason == (
        "a busy thread uses 0.033 of a core (20 s of processor in 600 s of work): "
        "0.85 / 0.033 = 25.8, 3 to 25 are sensible"
    )


@given(st.floats(0.001, 1.0), st.integers(3, 25), st.floats(0.5, 3.0))
def test_it_is_always_sensible_and_comes_to_rest(share: float, threads: int, busy: float) -> None:
    layout = reference_layout(threads={**THREADS, "push": threads})
    (one,) = [
        each for each in tune.proposals(layout, rows(busy, {"push": share})) if each.service == "sidekiq-push"
    ]
    assert tune.LEAST <= one.wanted <= tune.MOST
    then = reference_layout(threads={**THREADS, "push": one.wanted})
    (again,) = [
        each for each in tune.proposals(then, rows(busy, {"push": share})) if each.service == "sidekiq-push"
    ]
    if not (one.more or again.more):
        assert again.wanted == pytest.approx(one.wanted)
