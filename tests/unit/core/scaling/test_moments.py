"""Moments and spans as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from instancectl.core.scaling import moments
from instancectl.errors import ConfigError

NOW = datetime(2027, 1, 15, 14, 30, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30min", 1800), ("30m", 1800), ("2h", 7200), ("1.5 h", 5400), ("1d", 86400)],
)
def test_a_span(text: str, seconds: float) -> None:
    assert moments.span(text) == seconds
    assert moments.until(text, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "h", "2 weeks", "-1h", "0h"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ConfigError):
        moments.span(text)


def test_the_next_time_the_clock_shows_it() -> None:
    assert moments.until("18:00", NOW) == NOW.replace(hour=18, minute=0)
    assert moments.until("14:30", NOW) == NOW + timedelta(days=1)
    assert moments.until("2027-01-16T01:00", NOW) == datetime(2027, 1, 16, 1, tzinfo=UTC)


def test_an_end_that_has_passed_is_refused() -> None:
    with pytest.raises(ConfigError, match="has passed"):
        moments.until("2027-01-14T01:00", NOW)


def test_the_last_time_the_clock_showed_it() -> None:
    assert moments.past("02:41", NOW) == NOW.replace(hour=2, minute=41)
    assert moments.past("14:31", NOW) == NOW + timedelta(minutes=1) - timedelta(days=1)
    assert moments.past("14:29:30", NOW) == NOW - timedelta(seconds=30)
    with pytest.raises(ConfigError, match="no moment"):
        moments.past("25:00", NOW)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", 15), ("yesterday", 14), ("last-thursday", 14), ("last-friday", 8), ("last-saturday", 9),
        ("monday", 11), ("2027-01-03", 3),
    ],
)  # fmt: skip
def test_days(text: str, day: int) -> None:
    begin, end = moments.day(text, NOW)
    assert begin == datetime(2027, 1, day, tzinfo=UTC)
    assert end - begin == timedelta(days=1)


def test_what_names_no_day() -> None:
    assert moments.day("step10", NOW) is None
