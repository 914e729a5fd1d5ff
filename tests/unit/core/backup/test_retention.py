"""Retention counts proven sets only, and never gives up the newest of any depth of proof."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.backup.retention import Candidate, Policy, decide
from instancectl.core.backup.verdict import Level, Verdict

DAY = 86_400
NOW = 1_800_000_000
PROVEN, UNPROVEN = Verdict(Level.PRESENT), Verdict()
DAMAGED = Verdict(Level.WRITTEN, ("a pack is missing",))


def nightly(days: int, verdict: Verdict = PROVEN) -> list[Candidate]:
    return [Candidate(f"day-{day:03d}", NOW - day * DAY, verdict) for day in range(days)]


def kept(candidates, policy=Policy(7, 4, 12)) -> list[str]:  # noqa: B008 - a frozen value
    return [one.id for one in decide(candidates, policy, NOW) if one.keep]


def test_a_year_of_nights_becomes_days_weeks_and_months():
    found = kept(nightly(400))
    assert found[:7] == [f"day-{day:03d}" for day in range(7)]
    assert 7 + 2 + 10 <= len(found) <= 7 + 4 + 12
    assert all(one.keep or "newer sets" in one.reason for one in decide(nightly(400), Policy(), NOW))


def test_two_sets_of_a_day_count_once():
    sets = [Candidate("morning", NOW - 4 * 3600, PROVEN), Candidate("evening", NOW, PROVEN)]
    assert kept(sets, Policy(1, 0, 0)) == ["evening"]


def test_without_a_proven_set_nothing_goes():
    assert len(kept(nightly(400, UNPROVEN))) == 400
    assert len(kept(nightly(400, DAMAGED))) == 400


def test_failures_do_not_push_good_sets_out():
    bad = [Candidate(f"bad-{day:03d}", NOW - day * DAY, DAMAGED) for day in range(30)]
    good = [Candidate(f"good-{day:03d}", NOW - (30 + day) * DAY, PROVEN) for day in range(7)]
    found = kept(bad + good, Policy(7, 0, 0))
    assert {one.id for one in good} <= set(found)
    assert {one.id for one in bad} <= set(found)  # newer than every proven one


def test_what_was_doubted_never_counts():
    sets = [
        Candidate("doubted", NOW, PROVEN, doubts=("smaller",)),
        Candidate("good", NOW - 400 * DAY, PROVEN),
    ]
    assert kept(sets, Policy(1, 0, 0)) == ["doubted", "good"]


def test_what_nobody_can_read_stays():
    assert "odd" in kept([*nightly(3), Candidate("odd", 0, known=False)], Policy(1, 0, 0))


def test_the_newest_drilled_set_outlives_younger_ones_that_were_only_listed():
    drilled = Candidate("drilled", NOW - 300 * DAY, Verdict(Level.DRILLED))
    found = decide([*nightly(30), drilled], Policy(2, 0, 0), NOW)
    assert [one.id for one in found if one.keep] == ["day-000", "day-001", "drilled"]
    assert found[-1].reason == "the newest that is drilled"


def test_a_set_from_the_future_stays_and_does_not_count():
    future = Candidate("future", NOW + 30 * DAY, PROVEN)
    assert kept([future, *nightly(3)], Policy(1, 0, 0)) == ["future", "day-000"]


def test_unproven_sets_stay_a_week_beside_newer_proven_ones():
    sets = [
        Candidate("new", NOW, PROVEN),
        Candidate("fresh", NOW - 6 * DAY, DAMAGED),
        Candidate("old", NOW - 8 * DAY, DAMAGED),
    ]
    assert kept(sets, Policy(1, 0, 0)) == ["new", "fresh"]


@st.composite
def histories(draw):
    count = draw(st.integers(0, 25))
    return [
        Candidate(
            f"set-{number}",
            NOW + draw(st.integers(-500, 5)) * DAY + draw(st.integers(0, DAY)),
            Verdict(draw(st.sampled_from(Level)), draw(st.sampled_from([(), ("fault",)]))),
            draw(st.booleans()),
            draw(st.sampled_from([(), ("doubt",)])),
        )
        for number in range(count)
    ]


@given(histories(), st.integers(1, 9), st.integers(0, 5), st.integers(0, 12))
def test_whatever_happened_the_newest_of_each_depth_stays(history, daily, weekly, monthly):
    decisions = {one.id: one for one in decide(history, Policy(daily, weekly, monthly), NOW)}
    assert decisions.keys() == {one.id for one in history}
    removed = {id_ for id_, one in decisions.items() if not one.keep}
    counting = [one for one in history if one.counts and one.created <= NOW + 3600]
    for level in (Level.PRESENT, Level.READ, Level.DRILLED):
        deep = [one for one in counting if one.verdict.level >= level]
        if deep:
            newest = max(deep, key=lambda one: (one.created, one.id))
            assert newest.id not in removed
    if removed:
        assert counting
    assert not removed & {one.id for one in history if not one.known}


@given(histories())
def test_deciding_again_over_what_is_left_removes_nothing_more(history):
    left = {one.id for one in decide(history, Policy(3, 2, 2), NOW) if one.keep}
    again = decide([one for one in history if one.id in left], Policy(3, 2, 2), NOW)
    assert all(one.keep for one in again)
