"""Pages about what lasts: database and disk, and the months."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from instancectl.core.config_alerts import Thresholds
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.history import percent, span_words
from instancectl.core.monitoring.overview import (
    Cell,
    Facts,
    Figure,
    Reading,
    Section,
    State,
    Table,
    in_bytes,
    moment,
    strip,
)
from instancectl.core.monitoring.overview_work import BUDGET_DAYS, budget_cell, budget_words, coverage_state
from instancectl.core.monitoring.sli import AVAILABILITY, Counts, Verdict, by_month, last_days
from instancectl.core.monitoring.verdict import NAMES
from instancectl.core.units import show_seconds

LITTLE_DISK = 0.15
RUNBOOKS = {
    "PostgreSQL": "DatabaseDown",
    "Connections": "DatabaseConnectionsHigh",
    "Oldest transaction": "TransactionTooLong",
    "Redis": "RedisNotWritable",
    "Memory of Redis": "RedisMemoryHigh",
    "Free disk": "DiskAlmostFull",
}
"""What to read when a figure is not well."""


def data(facts: Facts, reading: Reading) -> Section:
    """PostgreSQL, Redis, disks and memory; amber and red from the same limits as the alerts."""
    limits = facts.limits
    figures = (
        Figure("PostgreSQL", _up(reading, stores.DB_UP.name), "whether it answers a query"),
        Figure("Connections", _connections(reading, limits), _limit(reading)),
        Figure("Database", reading.cell(stores.DB_SIZE, show=in_bytes), "on disk"),
        Figure("Oldest transaction", _transaction(reading, limits),
               f"a dump is one, too; above {limits.transaction_hours} h somebody is told"),
        Figure("Redis", _writable(reading), "whether it answers, and takes writes"),
        Figure("Memory of Redis", _redis_memory(reading, limits), _redis_limit(reading)),
        Figure("Free disk", _free(reading, limits, facts.now), _full(reading, facts.now)),
    )  # fmt: skip
    said = str(facts.verdict.get("sentence") or "")
    state, sentence = _data_words(figures)
    if said.startswith("unknown: "):  # nothing is deployed: then nothing is down
        state, sentence = State.UNKNOWN, said.removeprefix("unknown: ")
    return Section(
        "data", "Database & disk", sentence, state, figures, (_tables(reading), _containers(reading))
    )


def _data_words(figures: tuple[Figure, ...]) -> tuple[State, str]:
    """What is not well with its value, the worst first, and what to read about it."""
    by_state = {state: [one for one in figures if one.cell.state is state] for state in State}
    wrong = [*by_state[State.BAD], *by_state[State.WARN]]
    unknown = ", ".join(one.label for one in by_state[State.UNKNOWN])
    if wrong:
        told = "; ".join(_told(one) for one in wrong)
        return wrong[0].cell.state, f"{told}; `instancectl runbook {RUNBOOKS[wrong[0].label]}`"
    return (
        (State.UNKNOWN, f"not known: {unknown}") if unknown else (State.GOOD, "databases and disk are well")
    )


def _told(one: Figure) -> str:
    beside = f" {one.note}" if one.note.startswith("of ") else ""
    return f"{one.label}: {one.cell.text}{beside}"


def _up(reading: Reading, metric: str) -> Cell:
    value = reading.value(metric)
    cell = reading.cell(metric, show=lambda one: "up" if one else "down")
    return Cell(cell.text, State.UNKNOWN if value is None else State.GOOD if value else State.BAD, metric,
                value=value)  # fmt: skip


def _writable(reading: Reading) -> Cell:
    if reading.value(stores.REDIS_UP) and reading.value(stores.REDIS_WRITABLE) == 0:
        return reading.cell(stores.REDIS_WRITABLE, show=lambda _: "takes no writes", state=State.BAD)
    return _up(reading, stores.REDIS_UP.name)


def _connections(reading: Reading, limits: Thresholds) -> Cell:
    used, most = reading.value(stores.DB_CONNECTIONS), reading.value(stores.DB_MAX_CONNECTIONS)
    tight = used is not None and most and used / most > limits.database_connections_percent / 100
    return reading.cell(stores.DB_CONNECTIONS, state=State.WARN if tight else State.GOOD)


def _limit(reading: Reading) -> str:
    most = reading.value(stores.DB_MAX_CONNECTIONS)
    return f"of {most:.0f}" if most else "the limit is not known"


def _transaction(reading: Reading, limits: Thresholds) -> Cell:
    """Amber when the alert is due: every night's dump is open for longer than any request."""
    age = reading.value(stores.DB_LONGEST) or 0
    state = State.WARN if age > limits.transaction_hours * 3600 else State.GOOD
    return reading.cell(stores.DB_LONGEST, show=show_seconds, state=state)


def _redis_memory(reading: Reading, limits: Thresholds) -> Cell:
    used, limit = reading.value(stores.REDIS_MEMORY), reading.value(stores.REDIS_LIMIT)
    tight = used is not None and limit and used / limit > limits.redis_memory_percent / 100
    return reading.cell(stores.REDIS_MEMORY, show=in_bytes, state=State.WARN if tight else State.PLAIN)


def _redis_limit(reading: Reading) -> str:
    limit = reading.value(stores.REDIS_LIMIT)
    if limit is None:
        return "the limit is not known"
    return f"of {in_bytes(limit)}" if limit else "without a limit of its own"


def _free(reading: Reading, limits: Thresholds, now: float) -> Cell:
    shares = _free_shares(reading)
    if not shares:
        return reading.cell(stores.DISK_FREE, "docker")
    share, labels = min(shares)
    state = State.WARN if share < LITTLE_DISK else State.GOOD
    ends = reading.value(stores.DISK_FULL, *labels)
    if share < limits.disk_free_percent / 100 or (ends and ends - now < limits.disk_full_hours * 3600):
        state = State.BAD
    return reading.cell(stores.DISK_FREE, *labels, show=in_bytes, state=state)


def _free_shares(reading: Reading) -> list[tuple[float, tuple[str, ...]]]:
    return [
        (free / total, labels)
        for labels, free in reading.all(stores.DISK_FREE).items()
        if (total := reading.value(stores.DISK_TOTAL, *labels))
    ]


def _full(reading: Reading, now: float) -> str:
    shares = _free_shares(reading)
    if not shares:
        return "no disk was measured"
    total = in_bytes(reading.value(stores.DISK_TOTAL, *min(shares)[1]) or 0)
    ends = list(reading.all(stores.DISK_FULL).values())
    if not ends:
        return f"of {total}; it does not fill"
    return f"of {total}; full in {show_seconds(max(0.0, min(ends) - now))} if it goes on like this"


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
    recent = last_days(days, facts.today, BUDGET_DAYS)
    objective = facts.objectives[AVAILABILITY]
    cell = budget_cell(recent, objective)
    measured = f"{percent(recent.coverage, 1)} of that time was measured"
    sentence = f"{percent(recent.uptime, 3)} up {span_words(days, facts.today)}, {measured}"
    if cell.state in {State.BAD, State.WARN}:
        left = "is used up" if cell.state is State.BAD else f"is down to {cell.text}"
        sentence = f"the error budget {left}: {budget_words(recent, objective)}; {sentence}"
    if cell.state is State.BAD:
        sentence += "; `instancectl runbook ErrorBudgetExhausted`"
    # A budget that looks well says little while most of the time was not measured.
    state = coverage_state(recent) if cell.state is State.GOOD else cell.state
    return Section(
        "slo", "SLO", sentence, state,
        tables=(_months(days, objective), _outages(facts), _indicators(facts)),
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
        counts = last_days(mine, facts.today, BUDGET_DAYS)
        rows.append((
            Cell(sli), Cell(f"{facts.objectives[sli] * 100:g} %"), Cell(percent(counts.uptime, 3)),
            Cell(percent(counts.coverage, 1)), Cell(show_seconds(counts.bad_seconds)),
            budget_cell(counts, facts.objectives[sli]),
        ))  # fmt: skip
    columns = ("Indicator", "Objective", "Uptime", "Measured", "Bad", "Budget left")
    return Table("Indicators, 30 days", columns, tuple(rows))


def _outages(facts: Facts) -> Table:
    bad = [one for one in reversed(facts.spells) if one.verdict is Verdict.BAD]
    rows = tuple(
        (
            Cell(moment(one.began_at)),
            Cell(show_seconds(one.seconds)),
            Cell(NAMES.get(one.cause, one.cause) or "no single cause"),
        )
        for one in bad
    )
    return Table("Outages, newest first", ("Began", "Lasted", "Cause"), rows, "none")
