"""Pages about what lasts: database and disk, and the months."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.history import outage_rows, percent
from instancectl.core.monitoring.overview import (
    Cell,
    Facts,
    Figure,
    Reading,
    Section,
    State,
    Table,
    strip,
    worst,
)
from instancectl.core.monitoring.overview_work import budget_cell, coverage_state, in_bytes
from instancectl.core.monitoring.sli import AVAILABILITY, Counts, by_month, last_days
from instancectl.core.units import show_seconds

LITTLE_DISK, NO_DISK = 0.15, 0.05
MANY_CONNECTIONS = 0.85
LONG_TRANSACTION_SECONDS = 300.0


def data(facts: Facts, reading: Reading) -> Section:
    """PostgreSQL, Redis, disks and memory."""
    now = facts.now
    figures = (
        Figure("PostgreSQL", _up(reading, stores.DB_UP.name), "answers a query"),
        Figure("Connections", _connections(reading), _limit(reading)),
        Figure("Database", reading.cell(stores.DB_SIZE, show=in_bytes), "on disk"),
        Figure("Oldest transaction", _transaction(reading), "long ones stop the cleaning up"),
        Figure("Redis", _writable(reading), "answers, and takes writes"),
        Figure("Memory of Redis", reading.cell(stores.REDIS_MEMORY, show=in_bytes), _redis_limit(reading)),
        Figure("Free disk", _free(reading), _full(reading, now)),
    )
    seen = [one.cell.state for one in figures]
    state = worst(seen) if any(one is not State.PLAIN for one in seen) else State.UNKNOWN
    bad = [one.label for one in figures if one.cell.state is State.BAD]
    near = [one.label for one in figures if one.cell.state is State.WARN]
    unknown = [one.label for one in figures if one.cell.state is State.UNKNOWN]
    sentence = "databases and disk are well"
    said = str(facts.verdict.get("sentence") or "")
    if said.startswith("unknown: "):  # nothing is deployed: then nothing is down
        state, sentence = State.UNKNOWN, said.removeprefix("unknown: ")
    elif bad or near:
        sentence = f"look at {', '.join(bad + near).lower()}"
    elif unknown:
        sentence = f"not known: {', '.join(unknown).lower()}"
    return Section(
        "data", "Database & disk", sentence, state, figures, (_tables(reading), _containers(reading))
    )


def _up(reading: Reading, metric: str) -> Cell:
    value = reading.value(metric)
    cell = reading.cell(metric, show=lambda one: "up" if one else "down")
    return Cell(cell.text, State.UNKNOWN if value is None else State.GOOD if value else State.BAD, metric,
                value=value)  # fmt: skip


def _writable(reading: Reading) -> Cell:
    if reading.value(stores.REDIS_UP) and reading.value(stores.REDIS_WRITABLE) == 0:
        return reading.cell(stores.REDIS_WRITABLE, show=lambda _: "takes no writes", state=State.BAD)
    return _up(reading, stores.REDIS_UP.name)


def _connections(reading: Reading) -> Cell:
    used, most = reading.value(stores.DB_CONNECTIONS), reading.value(stores.DB_MAX_CONNECTIONS)
    tight = used is not None and bool(most) and used > MANY_CONNECTIONS * (most or 0)
    return reading.cell(stores.DB_CONNECTIONS, state=State.WARN if tight else State.GOOD)


def _limit(reading: Reading) -> str:
    most = reading.value(stores.DB_MAX_CONNECTIONS)
    return f"of {most:.0f}" if most else "the limit is not known"


def _transaction(reading: Reading) -> Cell:
    age = reading.value(stores.DB_LONGEST) or 0
    state = State.WARN if age > LONG_TRANSACTION_SECONDS else State.GOOD
    return reading.cell(stores.DB_LONGEST, show=show_seconds, state=state)


def _redis_limit(reading: Reading) -> str:
    limit = reading.value(stores.REDIS_LIMIT)
    return f"of {in_bytes(limit)}" if limit else "without a limit of its own"


def _free(reading: Reading) -> Cell:
    shares = [
        (free / total, labels)
        for labels, free in reading.all(stores.DISK_FREE).items()
        if (total := reading.value(stores.DISK_TOTAL, *labels))
    ]
    if not shares:
        return reading.cell(stores.DISK_FREE, "docker")
    share, labels = min(shares)
    state = State.BAD if share < NO_DISK else State.WARN if share < LITTLE_DISK else State.GOOD
    return reading.cell(stores.DISK_FREE, *labels, show=in_bytes, state=state)


def _full(reading: Reading, now: float) -> str:
    ends = list(reading.all(stores.DISK_FULL).values())
    if not ends:
        return "it does not fill"
    return f"full in {show_seconds(max(0.0, min(ends) - now))} if it goes on like this"


def _tables(reading: Reading) -> Table:
    sizes = sorted(reading.all(stores.DB_TABLE_SIZE).items(), key=lambda one: -one[1])
    rows = tuple(
        (
            Cell(name),
            reading.cell(stores.DB_TABLE_SIZE, name, show=in_bytes),
            reading.cell(stores.DB_TABLE_DEAD, name, show=lambda one: f"{one * 100:.0f} %"),
        )
        for (name,), _ in sizes
    )
    return Table("Largest tables", ("Table", "Size", "Dead rows"), rows, "no table was measured")


def _containers(reading: Reading) -> Table:
    rows = tuple(
        (
            Cell(f"{service}.{slot}"),
            Cell("runs" if up else "does not run", State.GOOD if up else State.BAD,
                 stores.CONTAINER_UP.name, (service, slot), up),
            reading.cell(stores.CONTAINER_MEMORY, service, slot, show=in_bytes),
            reading.cell(stores.CONTAINER_LIMIT, service, slot, show=in_bytes),
        )
        for (service, slot), up in sorted(reading.all(stores.CONTAINER_UP).items())
    )  # fmt: skip
    return Table("Replicas", ("Replica", "State", "Memory", "Limit"), rows, "Docker was not seen")


# ---- SLO


def slo(facts: Facts) -> Section:
    """Month by month, with what nobody measured beside it."""
    days = facts.days.get(AVAILABILITY, {})
    if not days:
        return Section("slo", "SLO", "nothing was measured yet: uptime is counted from now on", State.UNKNOWN)
    recent = last_days(days, facts.today, 30)
    cell = budget_cell(recent, facts.objectives[AVAILABILITY])
    sentence = (
        f"{percent(recent.uptime, 3)} up in the last 30 days, {percent(recent.coverage, 1)} of them measured"
    )
    # A budget that looks well says little while most of the time was not measured.
    state = coverage_state(recent) if cell.state is State.GOOD else cell.state
    return Section(
        "slo", "SLO", sentence, state,
        tables=(_months(days, facts.objectives[AVAILABILITY]), _indicators(facts), _outages(facts)),
        strips=tuple(strip(facts, sli) for sli in facts.days),
    )  # fmt: skip


def _months(days: Mapping[date, Counts], objective: float) -> Table:
    rows = tuple(
        (
            Cell(month),
            Cell(percent(counts.uptime, 3)),
            Cell(percent(counts.coverage, 1)),
            Cell(show_seconds(counts.bad_seconds)),
            budget_cell(counts, objective),
        )
        for month, counts in reversed(by_month(days).items())
    )
    return Table("Availability", ("Month", "Uptime", "Measured", "Bad", "Budget left"), rows)


def _indicators(facts: Facts) -> Table:
    rows = []
    for sli, mine in facts.days.items():
        counts = last_days(mine, facts.today, 30)
        rows.append((
            Cell(sli), Cell(f"{facts.objectives[sli] * 100:g} %"), Cell(percent(counts.uptime, 3)),
            Cell(percent(counts.coverage, 1)), Cell(show_seconds(counts.bad_seconds)),
            budget_cell(counts, facts.objectives[sli]),
        ))  # fmt: skip
    columns = ("Indicator", "Objective", "Uptime", "Measured", "Bad", "Budget left")
    return Table("Indicators, 30 days", columns, tuple(rows))


def _outages(facts: Facts) -> Table:
    rows = tuple(
        (Cell(began), Cell(lasted), Cell(cause)) for began, lasted, cause in outage_rows(facts.spells)
    )
    return Table("Outages, newest first", ("Began", "Lasted", "Cause"), rows, "none")
