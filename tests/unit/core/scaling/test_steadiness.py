"""What keeps the policy from swinging: rungs, Puma at its edge, and queues that may wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.scaling import degrade
from instancectl.core.scaling.degrade import Weather
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.sample import HostSample, QueueSample, ServiceSample, WebSample
from instancectl.core.scaling.state import LadderState
from tests.unit.core.scaling.situations import (
    GB,
    START,
    Plant,
    changes,
    reference_layout,
    reference_policy,
    sample,
    settled,
)

LATE_PULL = {"pull": QueueSample(200_000, 20_000.0, 25, 400)}
FULL_PULL = {"pull": ServiceSample(1, busy=25, cores=0.8), "mailers": ServiceSample(2)}


def test_calm_from_before_a_rung_does_not_end_it() -> None:
    pressed = Weather(0.5, 0.1, "memory", 0.5)
    known, levels = LadderState(calm_since=START - 5000), []
    for tick in range(100):
        weather = pressed if tick < 3 else Weather(0.1, 0.1, "", 0.5)
        known = degrade.judged(known, weather, highest=1, at=START + 10 * tick)
        levels.append(known.level)
    entered = levels.index(1)
    left = levels.index(0, entered)
    assert 10 * (left - entered) >= degrade.CALM_SECONDS


def test_a_rung_that_is_missed_is_back_sooner_than_it_was_entered_first() -> None:
    stormy, calm = Weather(0.5, 0.1, "processor", 1.0), Weather(0.0, 0.0, "", 0.5)
    known = LadderState(3, START - 5000)
    assert _after(known, stormy, 10).level == 3  # the fourth rung takes more than that the first time
    known = LadderState(4, START - 5000, calm_since=START - degrade.CALM_SECONDS)
    known = degrade.judged(known, calm, highest=4, at=START)
    assert known.level == 3
    assert _after(known, stormy, 1).level == 3  # a single sample is none
    assert _after(known, stormy, 3).level == 4
    assert _after(replace(known, entered_at=START - 5000, left_at=START - 5000), stormy, 3).level == 3


def _after(known: LadderState, weather: Weather, samples: int) -> LadderState:
    for tick in range(1, samples + 1):
        known = degrade.judged(known, weather, highest=4, at=START + 10 * tick)
    return known


def test_what_may_wait_for_an_hour_takes_from_nobody() -> None:
    policy = reference_policy(layout=reference_layout(140))
    state = settled(policy, services=FULL_PULL)
    for tick in range(30):
        seen = sample(START + 10 * tick, queues=LATE_PULL, services=FULL_PULL)
        state, decisions = decide(policy, state, seen)
        assert not [one for one in decisions if one.rule == "gives"]


def test_what_may_wait_does_not_grow_on_a_full_processor() -> None:
    hosts = (HostSample("host", 6, 1.0, 12 * GB, 6 * GB),)
    policy = reference_policy(ladder=0)
    state = settled(policy, services=FULL_PULL, hosts=hosts)
    seen = sample(START, queues=LATE_PULL, services=FULL_PULL, hosts=hosts)
    _, decisions = decide(policy, state, seen)
    assert not changes(decisions, "sidekiq-pull")
    assert [one.rule for one in decisions if one.subject == "sidekiq-pull"] == ["processor"]


def test_puma_that_shrank_too_early_keeps_for_longer_what_it_has() -> None:
    policy, targets, count = reference_policy(), [], 3
    state = settled(policy, web=WebSample(3, 0, 4.0, 0.001, 1.2))
    for tick in range(300):
        wait = 0.12 if count == 2 else 0.001  # two are busy for 60 % of the time, and somebody waits
        web = WebSample(count, 0, 4.0, wait, 1.2)
        state, decisions = decide(policy, state, sample(START + 10 * tick, web=web))
        for one in changes(decisions, "web"):
            targets.append((10 * tick, one.target))
            count = one.target
    shrunk = [at for at, target in targets if target == 2]
    assert len(shrunk) >= 2
    assert shrunk[1] - shrunk[0] >= 1200


@pytest.mark.parametrize(("processor", "least", "most"), [(0.01, 9, 20), (0.09, 6, 6)])
def test_processes_that_wait_for_others_may_outnumber_the_cores(
    processor: float, least: int, most: int
) -> None:
    mail = Plant(
        reference_policy(layout=reference_layout(1000)),
        {"default": 1, "ingress": 1, "mailers": 90, "push": 1, "pull": 1},
        {"default": 0.015, "ingress": 0.06, "mailers": 1.0, "push": 0.3, "pull": 1.2},
        {"default": 0.012, "ingress": 0.036, "mailers": processor, "push": 0.01, "pull": 0.06},
    )
    mail.run(900)
    assert least <= mail.running["mailers"] <= most
