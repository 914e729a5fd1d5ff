"""A metric, its samples, and what one collector brought home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PREFIX = "instancectl_"
"""Of every name: `sidekiq_` and `mastodon_` belong to other exporters."""


class Kind(StrEnum):
    """How a metric moves."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue.

    Attributes:
        name: with prefix and unit; counters end in `_total`.
        help: one sentence; says so when the value is older than the scrape.
        labels: names, in the order of every sample's values.
        bounds: upper bounds of a histogram's buckets, without infinity.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values sorted into buckets.

    Attributes:
        counts: cumulative, one for each bound; the last one, beyond all bounds, counts every value.
        total: sum of the values.
    """

    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric; `labels` holds the values of the metric's labels."""

    metric: Metric
    value: float | Distribution
    labels: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """Counts values into the buckets of one metric; the only thing here that changes."""

    metric: Metric
    _counts: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    _sums: dict[tuple[str, ...], float] = field(default_factory=dict)

    def add(self, labels: tuple[str, ...], value: float) -> None:
        """Count one value."""
        bounds = self.metric.bounds
        counts = self._counts.setdefault(labels, [0] * (len(bounds) + 1))
        for at, bound in enumerate(bounds):
            counts[at] += value <= bound
        counts[-1] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + value

    def samples(self) -> tuple[Sample, ...]:
        """What was counted so far."""
        return tuple(
            Sample(self.metric, Distribution(tuple(counts), self._sums[labels]), labels)
            for labels, counts in list(self._counts.items())
        )


@dataclass(slots=True)
class Counter:
    """Adds up one counter's label sets."""

    metric: Metric
    _values: dict[tuple[str, ...], float] = field(default_factory=dict)

    def add(self, labels: tuple[str, ...] = (), by: float = 1) -> None:
        """Add; zero makes the series exist."""
        self._values[labels] = self._values.get(labels, 0.0) + by

    def samples(self) -> tuple[Sample, ...]:
        """What was added so far."""
        return tuple(Sample(self.metric, value, labels) for labels, value in list(self._values.items()))


def by_name(metrics: tuple[Metric, ...]) -> Mapping[str, Metric]:
    """The metrics under their names."""
    return {metric.name: metric for metric in metrics}
