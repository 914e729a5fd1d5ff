"""Uptime in slices of 15 seconds: good, bad and unknown, and what they add up to.

Requests of visitors cannot be counted for this: during a total outage there are none. Slices always come,
so an outage cannot hide, and what nobody measured is a number of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

SLICE_SECONDS: Final = 15
SLICES_PER_DAY: Final = 86400 // SLICE_SECONDS


class Verdict(StrEnum):
    """What one slice was."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


AVAILABILITY: Final = "availability"
"""The headline: web, login and federation."""

SURFACES: Final = ("web", "login", "federation", "streaming", "media", "mail", "sidekiq")
"""What a person would say is working; each is measured on its own."""

HEADLINE: Final = ("web", "login", "federation")

QUEUE_OBJECTIVES: Final[Mapping[str, float]] = {
    "default": 60.0,
    "mailers": 120.0,
    "ingress": 300.0,
    "push": 300.0,
    "pull": 3600.0,
    "scheduler": 300.0,
    "fasp": 3600.0,
}
"""Seconds the oldest job of a queue may wait."""

QUEUE_SLIS: Final = ("default", "mailers", "ingress", "push", "pull")
"""Queues whose latency people feel."""

TIMELINE: Final = "timeline"
"""What is posted arrives; measured by the canary, where one is wanted."""

SLIS: Final = (AVAILABILITY, *SURFACES, TIMELINE, *(f"queue_{queue}" for queue in QUEUE_SLIS))

OBJECTIVES: Final[Mapping[str, float]] = {
    AVAILABILITY: 0.999,
    **dict.fromkeys(SURFACES, 0.999),
    "mail": 0.99,
    TIMELINE: 0.99,
    "queue_default": 0.999,
    "queue_mailers": 0.995,
    "queue_ingress": 0.99,
    "queue_push": 0.99,
    "queue_pull": 0.95,
}
"""Share of the measured slices that should be good."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Slices of one kind of service over some time."""

    good: int = 0
    bad: int = 0
    unknown: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.good + other.good, self.bad + other.bad, self.unknown + other.unknown)

    @property
    def measured(self) -> int:
        """Slices somebody looked at."""
        return self.good + self.bad

    @property
    def elapsed(self) -> int:
        """Slices that went by."""
        return self.good + self.bad + self.unknown

    @property
    def uptime(self) -> float | None:
        """Share of the measured slices that were good; None when none was measured."""
        return self.good / self.measured if self.measured else None

    @property
    def coverage(self) -> float | None:
        """Share of the slices that were measured; None when none went by."""
        return self.measured / self.elapsed if self.elapsed else None

    @property
    def bad_seconds(self) -> int:
        """How long it was bad."""
        return self.bad * SLICE_SECONDS

    def plus(self, verdict: Verdict, slices: int = 1) -> Counts:
        """With some more slices of one verdict."""
        if verdict is Verdict.GOOD:
            return Counts(self.good + slices, self.bad, self.unknown)
        if verdict is Verdict.BAD:
            return Counts(self.good, self.bad + slices, self.unknown)
        return Counts(self.good, self.bad, self.unknown + slices)


def slice_of(epoch_seconds: float) -> int:
    """Number of the slice a moment belongs to, counted since 1970."""
    return int(epoch_seconds // SLICE_SECONDS)


def day_of(slice_number: int) -> date:
    """The day a slice belongs to, in UTC."""
    return datetime.fromtimestamp(slice_number * SLICE_SECONDS, UTC).date()


def days_of(first: int, last: int) -> Iterator[tuple[date, int]]:
    """The days of the slices `first` to `last`, both included, and how many of these fall on each."""
    at = first
    while at <= last:
        end = min(last, (at // SLICES_PER_DAY + 1) * SLICES_PER_DAY - 1)
        yield day_of(at), end - at + 1
        at = end + 1


def budget_left(counts: Counts, objective: float) -> float | None:
    """Share of the error budget that is left, below zero once it is overspent; None without a measurement."""
    if not counts.measured:
        return None
    return 1.0 - (counts.bad / counts.measured) / (1.0 - objective)


def total(parts: Iterable[Counts]) -> Counts:
    """All of them together."""
    return sum(parts, Counts())


def by_month(days: Mapping[date, Counts]) -> dict[str, Counts]:
    """`2026-11` → what its days add up to, in order."""
    months: dict[str, Counts] = {}
    for day in sorted(days):
        key = f"{day:%Y-%m}"
        months[key] = months.get(key, Counts()) + days[day]
    return months


def last_days(days: Mapping[date, Counts], today: date, number: int) -> Counts:
    """The last `number` days, today included."""
    first = today - timedelta(days=number - 1)
    return total(counts for day, counts in days.items() if first <= day <= today)


def headline(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Bad when one of the surfaces people mean is bad; good only when every one of them is."""
    found = [verdicts.get(name, Verdict.UNKNOWN) for name in HEADLINE]
    if Verdict.BAD in found:
        return Verdict.BAD
    return Verdict.UNKNOWN if Verdict.UNKNOWN in found else Verdict.GOOD
