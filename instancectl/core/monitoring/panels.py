"""What is charted: one specification for the dashboard, for the history it keeps, and for Grafana."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from instancectl.core.monitoring import catalogue_probes as probes
from instancectl.core.monitoring import catalogue_scaling as autoscaler
from instancectl.core.monitoring import catalogue_sidekiq as sidekiq
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.metric import Distribution, Metric, Sample

Labels = tuple[str, ...]
Key = tuple[str, str]
"""(metric, value of the label that tells its lines apart); the name of one line of history."""

_Reading = tuple[float, float, float]
"""When, the sum of a counter or histogram, and how many values it has."""


class Shape(StrEnum):
    """How samples become a line."""

    VALUE = "value"
    RATE = "rate"
    """Of a counter, per second."""
    MEAN = "mean"
    """Of a histogram: what came since the last reading."""


class Unit(StrEnum):
    """Of the vertical axis."""

    COUNT = "count"
    SECONDS = "seconds"
    BYTES = "bytes"
    PER_SECOND = "per_second"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that one metric gives.

    Attributes:
        by: the label that tells lines apart, and is their legend; others are summed. Empty makes one line.
        name: legend where `by` is empty.
        only: values of `by` that are drawn; all of them when empty.
    """

    metric: Metric
    by: str = ""
    name: str = ""
    shape: Shape = Shape.VALUE
    only: tuple[str, ...] = ()

    def legend(self, key: Key) -> str:
        """What a person reads beside the line."""
        return key[1] or self.name


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart.

    Attributes:
        slug: its name in addresses.
        meaning: one sentence: what is good to see here.
        peaks: where a point stands for many readings, the highest is drawn and not the mean.
    """

    slug: str
    title: str
    meaning: str
    unit: Unit
    lines: tuple[Lines, ...]
    peaks: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the dashboard."""

    slug: str
    title: str
    panels: tuple[Panel, ...] = ()


_NOW = (
    Panel(
        "probes", "Time to answer", "The slowest answer of each surface; people notice from 1 s on.",
        Unit.SECONDS, (Lines(probes.PROBE_DURATION, "surface", shape=Shape.MEAN),), peaks=True,
    ),
)  # fmt: skip
_QUEUES = (
    Panel(
        "latency", "Latency", "How long the oldest job of each queue has waited.",
        Unit.SECONDS, (Lines(sidekiq.QUEUE_LATENCY, "queue"),), peaks=True,
    ),
    Panel(
        "size", "Size", "Jobs that wait. A long queue that moves is no trouble; see its latency.",
        Unit.COUNT, (Lines(sidekiq.QUEUE_JOBS, "queue"),), peaks=True,
    ),
    Panel(
        "processed", "Attempts", "Jobs tried per second; Sidekiq tells them minute by minute.",
        Unit.PER_SECOND, (Lines(sidekiq.QUEUE_PROCESSED, "queue", shape=Shape.RATE),),
    ),
    Panel(
        "failed", "Failed attempts", "In push and pull other servers' failures are normal.",
        Unit.PER_SECOND, (Lines(sidekiq.QUEUE_FAILED, "queue", shape=Shape.RATE),),
    ),
    Panel(
        "threads", "Busy threads", "All threads busy for long means: more of them, or fewer jobs.",
        Unit.COUNT,
        (
            Lines(sidekiq.PROCESS_BUSY, name="busy"),
            Lines(sidekiq.PROCESS_THREADS, name="threads"),
        ),
        peaks=True,
    ),
)  # fmt: skip
_MAIL = (
    Panel(
        "mail-jobs", "Mails", "Attempts to send, and those that failed, per second.",
        Unit.PER_SECOND,
        (
            Lines(sidekiq.MAIL_PROCESSED, name="tried", shape=Shape.RATE),
            Lines(sidekiq.MAIL_FAILED, name="failed", shape=Shape.RATE),
        ),
    ),
    Panel(
        "retries", "Jobs in sets", "Waiting for a retry or for their time, or given up.",
        Unit.COUNT, (Lines(sidekiq.SET_JOBS, "set"),), peaks=True,
    ),
    Panel(
        "signups", "Sign-ups of the last day", "Many unconfirmed ones: mails do not arrive, or it is spam.",
        Unit.COUNT, (Lines(stores.SIGNUPS, "state"),),
    ),
)  # fmt: skip
_DATA = (
    Panel(
        "connections", "Connections of PostgreSQL", "At the limit nobody gets in any more.",
        Unit.COUNT,
        (Lines(stores.DB_CONNECTIONS, name="open"), Lines(stores.DB_MAX_CONNECTIONS, name="limit")),
        peaks=True,
    ),
    Panel(
        "database-size", "Size of the database", "Grows with what other servers send.",
        Unit.BYTES, (Lines(stores.DB_SIZE, name="database"),),
    ),
    Panel(
        "transaction", "Oldest transaction", "Nothing is cleaned up meanwhile; a nightly dump is one, too.",
        Unit.SECONDS, (Lines(stores.DB_LONGEST, name="oldest"),), peaks=True,
    ),
    Panel(
        "redis-memory", "Memory of Redis", "Grows with queues and feeds.",
        Unit.BYTES, (Lines(stores.REDIS_MEMORY, name="used"),), peaks=True,
    ),
    Panel(
        "disk", "Free disk", "PostgreSQL stops when nothing is left.",
        Unit.BYTES, (Lines(stores.DISK_FREE, "area"),),
    ),
    Panel(
        "memory", "Memory of services", "All replicas of a service on this host together.",
        Unit.BYTES, (Lines(stores.CONTAINER_MEMORY, "service"),), peaks=True,
    ),
)  # fmt: skip
_SCALING = (
    Panel(
        "pressure", "Pressure", "Wait as a share of what is allowed; above 1 more is needed.",
        Unit.COUNT, (Lines(autoscaler.PRESSURE, "queue"),), peaks=True,
    ),
    Panel(
        "replicas", "Replicas that run", "Healthy ones, by service.",
        Unit.COUNT, (Lines(stores.CONTAINER_UP, "service"),),
    ),
    Panel(
        "wanted", "Replicas wanted", "What Docker Swarm was asked for.",
        Unit.COUNT, (Lines(stores.CONTAINER_WANTED, "service"),),
    ),
)  # fmt: skip

PAGES: Final = (
    Page("now", "Now", _NOW),
    Page("queues", "Queues", _QUEUES),
    Page("mail", "Delivery & mail", _MAIL),
    Page("data", "Database & disk", _DATA),
    Page("backups", "Backups"),
    Page("scaling", "Scaling", _SCALING),
    Page("slo", "SLO", ()),
)

PANELS: Final[Mapping[str, Panel]] = {panel.slug: panel for page in PAGES for panel in page.panels}

MOST_KEYS: Final = 256
"""Lines of history in all: an odd label must not make it grow."""


def keys_of(panel: Panel, known: Iterable[Key]) -> list[tuple[str, Key]]:
    """(legend, line) of a panel, of those that are known."""
    found = []
    for lines in panel.lines:
        mine = sorted(key for key in known if key[0] == lines.metric.name)
        found += [(lines.legend(key), key) for key in mine if not lines.only or key[1] in lines.only]
    return found


CHARTED: Final = {
    lines.metric.name: lines for page in PAGES for panel in page.panels for lines in panel.lines
}
"""Name of a metric → how it is charted; history keeps nothing else."""


RATE_READINGS: Final = 5
"""A rate is taken over so many readings: Sidekiq tells what it did once a minute, not every 15 seconds."""


class Feed:
    """Makes points of readings: values as they are, counters and histograms against readings before."""

    def __init__(self) -> None:
        """Nothing was read yet, so the first reading gives no rate."""
        self._before: dict[Key, deque[_Reading]] = {}

    def points(self, at: float, samples: Iterable[Sample]) -> dict[Key, float]:
        """What one reading adds to history; `at` in seconds since 1970."""
        found: dict[Key, float] = {}
        for lines, key, (total, count) in _summed(samples):
            if lines.shape is Shape.VALUE:
                found[key] = total
                continue
            kept = 1 if lines.shape is Shape.MEAN else RATE_READINGS
            before = self._before.setdefault(key, deque(maxlen=kept))
            if before:
                found |= _moved(lines.shape, key, before[0], (at, total, count))
            if before and total < before[-1][1]:  # begun anew
                before.clear()
            before.append((at, total, count))
        return dict(list(found.items())[:MOST_KEYS])


def _summed(samples: Iterable[Sample]) -> Iterator[tuple[Lines, Key, tuple[float, float]]]:
    """Lines with their sum over labels that are not told apart, and for histograms the number of values."""
    sums: dict[Key, tuple[float, float]] = {}
    for sample in samples:
        lines = CHARTED.get(sample.metric.name)
        if lines is None:
            continue
        key = (sample.metric.name, _label(sample, lines.by))
        value, count = _plain(sample)
        before = sums.get(key, (0.0, 0.0))
        sums[key] = (before[0] + value, before[1] + count)
    for key, both in sums.items():
        yield CHARTED[key[0]], key, both


def _plain(sample: Sample) -> tuple[float, float]:
    if isinstance(sample.value, Distribution):
        return sample.value.total, float(sample.value.counts[-1])
    return float(sample.value), 0.0


def _label(sample: Sample, by: str) -> str:
    return sample.labels[sample.metric.labels.index(by)] if by else ""


def _moved(shape: Shape, key: Key, before: _Reading, after: _Reading) -> dict[Key, float]:
    """A counter that fell was begun anew: there is no rate then."""
    seconds, total, count = (new - old for new, old in zip(after, before, strict=True))
    if total < 0 or count < 0 or seconds <= 0:
        return {}
    if shape is Shape.RATE:
        return {key: total / seconds}
    return {key: total / count} if count else {}
