"""What the dashboard and `top` say: pages of figures and tables, each value with the reading it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from instancectl.core.alerting.alertmanager import Silence
from instancectl.core.config_alerts import Thresholds
from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.metric import Distribution, Metric, Sample
from instancectl.core.monitoring.sli import OBJECTIVES, SLICE_SECONDS, Counts, Verdict
from instancectl.core.units import show_bytes, show_seconds
from instancectl.core.unknown import NOT_LOOKED, Known

STALE_SECONDS = 4 * SLICE_SECONDS
"""A reading that is older says nothing about now."""

STRIP_DAYS = 90


ALERTS = "Alerts"
"""Title of the table that stands above all others while anything fires."""

Show = Callable[[float], str]
"""Writes a value for people."""


class State(StrEnum):
    """How good a value is."""

    PLAIN = ""
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as people read it.

    Attributes:
        metric: where it is from, with `labels`; empty when it is from no single reading.
        value: the reading itself; None when there is none.
        runbook: slug of the runbook it leads to; may be empty.
        link: the page where something can be done about it; may be empty.
    """

    text: str
    state: State = State.PLAIN
    metric: str = ""
    labels: tuple[str, ...] = ()
    value: float | None = None
    runbook: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value that stands alone; `note` says what it means."""

    label: str
    cell: Cell
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under one title; `empty` is said when there are none."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """One bar a day, oldest first."""

    title: str
    days: tuple[tuple[date, Counts], ...]
    objective: float


@dataclass(frozen=True, slots=True)
class Section:
    """One page: its sentence, and what the sentence rests on."""

    slug: str
    title: str
    sentence: str
    state: State = State.PLAIN
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    strips: tuple[Strip, ...] = ()


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires.

    Attributes:
        since: seconds since 1970.
        silenced: whether nobody is told.
    """

    name: str
    severity: str
    summary: str
    since: float
    runbook: str = ""
    silenced: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What scaling decided, in a sentence."""

    at: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the pages are made of.

    Attributes:
        now: seconds since 1970, as all moments here.
        read_at: when `samples` were read; None before the first reading.
        verdict: of the last slice, as `/verdict` gives it.
        days: service level indicator → its days.
        spells: stretches of availability, oldest first.
        objectives: service level indicator → share of its slices that should be good.
        limits: from which value on an alert fires.
    """

    domain: str
    now: float
    read_at: float | None = None
    samples: tuple[Sample, ...] = ()
    verdict: Mapping[str, Any] = field(default_factory=dict)
    days: Mapping[str, Mapping[date, Counts]] = field(default_factory=dict)
    spells: tuple[Spell, ...] = ()
    objectives: Mapping[str, float] = field(default_factory=lambda: OBJECTIVES)
    alerts: Known[tuple[Firing, ...]] = NOT_LOOKED
    silences: Known[tuple[Silence, ...]] = NOT_LOOKED
    decisions: Known[tuple[Decision, ...]] = NOT_LOOKED
    limits: Thresholds = field(default_factory=Thresholds)

    @property
    def today(self) -> date:
        """In UTC."""
        return datetime.fromtimestamp(self.now, UTC).date()

    @property
    def stale(self) -> bool:
        """Whether the last slice is too old to speak of now."""
        at = self.verdict.get("slice_at")
        return at is None or self.now - at > STALE_SECONDS


class Reading:
    """Samples by name and labels."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        """Of one reading; distributions are left out."""
        self._found: dict[str, dict[tuple[str, ...], float]] = {}
        for one in samples:
            if not isinstance(one.value, Distribution):
                self._found.setdefault(one.metric.name, {})[one.labels] = float(one.value)

    def value(self, metric: Metric | str, *labels: str) -> float | None:
        """One value; None when there is none."""
        return self.all(metric).get(labels)

    def all(self, metric: Metric | str) -> Mapping[tuple[str, ...], float]:
        """Labels → value of one metric."""
        return self._found.get(metric if isinstance(metric, str) else metric.name, {})

    def cell(
        self, metric: Metric | str, *labels: str, show: Show | None = None, state: State = State.PLAIN
    ) -> Cell:
        """One value as people read it; a dash where there is none."""
        name = metric if isinstance(metric, str) else metric.name
        value = self.value(metric, *labels)
        if value is None:
            return Cell("–", State.UNKNOWN, name, labels)
        return Cell((show or whole)(value), state, name, labels, value)


def whole(value: float) -> str:
    """With spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")


def in_bytes(value: float) -> str:
    """In binary units."""
    return show_bytes(int(value))


def moment(at: float) -> str:
    """Day and time in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def moment_seconds(at: float) -> str:
    """With seconds: two readings within a minute are not the same one."""
    return moment(at).replace(" UTC", f":{int(at) % 60:02d} UTC")


STATE_OF = {Verdict.GOOD: State.GOOD, Verdict.BAD: State.BAD, Verdict.UNKNOWN: State.UNKNOWN}


def strip(facts: Facts, sli: str, days: int = STRIP_DAYS) -> Strip:
    """The last days of one indicator, today last; days before the first one are empty."""
    mine = facts.days.get(sli, {})
    wanted = [facts.today - timedelta(days=back) for back in reversed(range(days))]
    return Strip(sli, tuple((day, mine.get(day, Counts())) for day in wanted), facts.objectives[sli])


def aged(section: Section, facts: Facts) -> Section:
    """A page as it may be shown: what was read long ago, or never, says nothing about now."""
    if facts.read_at is None:
        said = "nothing was read yet: the agent has just started"
        return Section(section.slug, section.title, said, State.UNKNOWN)
    old = facts.now - facts.read_at
    if old <= STALE_SECONDS:
        return section
    said = f"read {show_seconds(old)} ago, so nobody knows how it is now: `journalctl -u instancectl-agent`"
    figures = tuple(replace(one, cell=_doubted(one.cell)) for one in section.figures)
    tables = tuple(
        replace(one, rows=tuple(tuple(map(_doubted, row)) for row in one.rows)) for one in section.tables
    )
    return replace(section, sentence=said, state=State.UNKNOWN, figures=figures, tables=tables)


def _doubted(cell: Cell) -> Cell:
    return replace(cell, state=State.UNKNOWN) if cell.state is State.GOOD else cell


def worst(states: Sequence[State]) -> State:
    """The one to worry about most."""
    order = (State.BAD, State.WARN, State.UNKNOWN, State.GOOD)
    return next((one for one in order if one in states), State.PLAIN)
