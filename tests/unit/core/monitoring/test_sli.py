from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.config_monitoring import Objectives
from instancectl.core.monitoring.disk import full_at
from instancectl.core.monitoring.rules import rule_groups
from instancectl.core.monitoring.sli import (
    AVAILABILITY,
    OBJECTIVES,
    SLICES_PER_DAY,
    SLIS,
    Counts,
    Verdict,
    budget_left,
    by_month,
    day_of,
    days_of,
    headline,
    last_days,
    slice_of,
    total,
)
from tests.fakes import instance

GOOD, BAD, UNKNOWN = Verdict.GOOD, Verdict.BAD, Verdict.UNKNOWN


def test_uptime_and_coverage_are_two_numbers() -> None:
    half_seen = Counts(good=50, bad=0, unknown=50)
    assert half_seen.uptime == 1.0
    assert half_seen.coverage == 0.5
    assert Counts(3, 1, 0).uptime == 0.75
    assert Counts(unknown=7).uptime is None
    assert Counts(unknown=7).coverage == 0.0
    assert Counts().coverage is None


def test_three_nines_of_a_month_are_173_slices() -> None:
    month = 30 * SLICES_PER_DAY
    assert budget_left(Counts(month - 172, 172), 0.999) == pytest.approx(0.0046, abs=1e-4)
    assert budget_left(Counts(month - 173, 173), 0.999) < 0
    assert budget_left(Counts(unknown=5), 0.999) is None
    assert Counts(bad=173).bad_seconds == 2595


@given(st.integers(0, 10**9), st.integers(0, 40_000))
def test_days_share_out_every_slice_once(first: int, more: int) -> None:
    shares = list(days_of(first, first + more))
    assert sum(slices for _, slices in shares) == more + 1
    assert [day for day, _ in shares] == sorted({day for day, _ in shares})
    assert shares[0][0] == day_of(first)
    assert shares[-1][0] == day_of(first + more)
    assert all(0 < slices <= SLICES_PER_DAY for _, slices in shares)


def test_a_slice_begins_every_15_seconds() -> None:
    assert slice_of(29.999) == 1
    assert slice_of(30.0) == 2


def test_months_and_last_days_add_up() -> None:
    days = {
        date(2026, 10, 31): Counts(1, 2, 3),
        date(2026, 11, 1): Counts(10),
        date(2026, 11, 2): Counts(0, 5),
    }
    assert by_month(days) == {"2026-10": Counts(1, 2, 3), "2026-11": Counts(10, 5, 0)}
    assert last_days(days, date(2026, 11, 2), 2) == Counts(10, 5, 0)
    assert total(days.values()) == last_days(days, date(2026, 11, 2), 3)


@pytest.mark.parametrize(
    ("web", "login", "federation", "expected"),
    [
        (GOOD, GOOD, GOOD, GOOD),
        (GOOD, BAD, UNKNOWN, BAD),
        (GOOD, GOOD, UNKNOWN, UNKNOWN),
        (BAD, BAD, BAD, BAD),
    ],
)
def test_the_headline_needs_all_three(
    web: Verdict, login: Verdict, federation: Verdict, expected: Verdict
) -> None:
    assert headline({"web": web, "login": login, "federation": federation, "streaming": BAD}) is expected


def test_every_indicator_has_an_objective() -> None:
    assert set(OBJECTIVES) == set(SLIS)
    assert SLIS[0] == AVAILABILITY


GIB = 2.0**30


def filling(bytes_per_second: float, hours: float = 6, free: float = 100 * GIB) -> list[tuple[float, float]]:
    return [(at, free - bytes_per_second * at) for at in range(0, int(hours * 3600) + 1, 300)]


def test_a_disk_that_fills_steadily_has_a_last_moment() -> None:
    history = filling(GIB / 3600)
    assert full_at(history) == pytest.approx(100 * 3600, rel=1e-6)


def test_only_the_last_six_hours_count() -> None:
    calm = [(at, 100 * GIB) for at in range(0, 86400, 300)]
    runaway = [(86400 + at, free) for at, free in filling(20 * GIB / 3600, hours=2)]
    seen = full_at(calm + runaway)
    assert seen is not None
    assert seen < 86400 + 14 * 3600


@pytest.mark.parametrize(
    "history",
    [[], [(0, GIB)], filling(0), filling(-GIB / 3600), filling(GIB / 3600, hours=0.3), filling(0.5)],
)
def test_a_disk_that_does_not_fill_or_is_hardly_known_has_none(history: list[tuple[float, float]]) -> None:
    assert full_at(history) is None


def test_a_dump_that_comes_and_goes_does_not_frighten() -> None:
    """20 GiB for 40 minutes, then gone: the trend is flat again."""
    history = [(at, (80 if 3600 <= at < 6000 else 100) * GIB) for at in range(0, 6 * 3600 + 1, 300)]
    assert full_at(history) is None or full_at(history) > 86400


def test_objectives_are_those_of_the_file_and_every_indicator_has_one() -> None:
    assert Objectives().shares == OBJECTIVES
    wanted = instance.config(monitoring={"objectives": {"availability": 99.5}})
    assert wanted.monitoring.objectives.shares == {**OBJECTIVES, AVAILABILITY: 0.995}
    recorded = {one.labels: one.expr for one in rule_groups(wanted)[0].recordings if one.labels}
    assert recorded[("sli", AVAILABILITY),] == "vector(0.995)"
