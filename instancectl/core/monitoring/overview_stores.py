"""Pages about what lasts: database and disk, backups, scaling, the months."""

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
    Show,
    State,
    Table,
    moment,
    strip,
    whole,
    worst,
)
from instancectl.core.monitoring.overview_work import budget_cell, in_bytes
from instancectl.core.monitoring.sli import AVAILABILITY, OBJECTIVES, Counts, by_month, last_days
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

LITTLE_DISK, NO_DISK = 0.15, 0.05
MANY_CONNECTIONS = 0.85
LONG_TRANSACTION_SECONDS = 300.0
SECOND_DAY = 2 * 86400
BACKUP = "instancectl_backup_"
BACKUP_COLUMNS = (
    ("last_success_timestamp_seconds", "Last one that worked"),
    ("last_attempt_timestamp_seconds", "Last attempt"),
    ("last_duration_seconds", "Took"),
    ("last_size_bytes", "Size"),
    ("verify_last_timestamp_seconds", "Verified"),
    ("copies", "Copies"),
)


def data(reading: Reading, now: float) -> Section:
    """PostgreSQL, Redis, disks and memory."""
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
    if bad or near:
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


# ---- Backups


def backups(reading: Reading, now: float) -> Section:
    """From the metrics of backup sets; nothing is claimed without them."""
    succeeded = reading.all(f"{BACKUP}last_success_timestamp_seconds")
    drill = reading.value("instancectl_restore_drill_last_success_timestamp_seconds")
    if not succeeded:
        said = "no backup is known: `instancectl backup init` sets them up, `backup create` makes the first"
        return Section("backups", "Backups", said, State.UNKNOWN)
    newest = max(succeeded.values())
    old = now - newest > SECOND_DAY
    state = State.BAD if not newest or old else State.GOOD
    sentence = (
        "no backup ever worked" if not newest else f"the last backup is {show_seconds(now - newest)} old"
    )
    proven = "no restore was ever rehearsed" if not drill else f"rehearsed {show_seconds(now - drill)} ago"
    rows = tuple(
        (Cell(", ".join(labels) or "set"), *_backup_row(reading, labels)) for labels in sorted(succeeded)
    )
    columns = ("Kind", *(title for _, title in BACKUP_COLUMNS))
    return Section(
        "backups", "Backups", f"{sentence}; {proven}", state, tables=(Table("Sets", columns, rows),)
    )


def _backup_row(reading: Reading, labels: tuple[str, ...]) -> list[Cell]:
    return [reading.cell(f"{BACKUP}{name}", *labels, show=_by_unit(name)) for name, _ in BACKUP_COLUMNS]


def _by_unit(name: str) -> Show:
    """As the metric's last word says."""
    if name.endswith("_timestamp_seconds"):
        return lambda at: moment(at) if at else "never"
    return {"seconds": show_seconds, "bytes": in_bytes}.get(name.rpartition("_")[2], whole)


# ---- Scaling


def scaling(facts: Facts, reading: Reading) -> Section:
    """What was decided and why, and what runs."""
    rows = tuple(
        (
            Cell(service),
            reading.cell(stores.CONTAINER_WANTED, service),
            _running(reading, service),
        )
        for (service,) in sorted(reading.all(stores.CONTAINER_WANTED))
    )
    replicas = Table("Replicas", ("Service", "Wanted", "Run"), rows, "Docker was not seen")
    columns = ("When", "Decision")
    if isinstance(facts.decisions, Unknown):
        return Section("scaling", "Scaling", facts.decisions.reason, tables=(replicas,))
    told = tuple((Cell(moment(one.at)), Cell(one.sentence)) for one in facts.decisions)
    sentence = facts.decisions[0].sentence if facts.decisions else "nothing was decided yet"
    return Section(
        "scaling", "Scaling", sentence,
        tables=(Table("Decisions, newest first", columns, told, "nothing was decided yet"), replicas),
    )  # fmt: skip


def _running(reading: Reading, service: str) -> Cell:
    run = sum(up for (name, _), up in reading.all(stores.CONTAINER_UP).items() if name == service)
    wanted = reading.value(stores.CONTAINER_WANTED, service) or 0
    return Cell(f"{run:.0f}", State.GOOD if run >= wanted else State.BAD)


# ---- SLO


def slo(facts: Facts) -> Section:
    """Month by month, with what nobody measured beside it."""
    days = facts.days.get(AVAILABILITY, {})
    if not days:
        return Section("slo", "SLO", "nothing was measured yet: uptime is counted from now on", State.UNKNOWN)
    recent = last_days(days, facts.today, 30)
    cell = budget_cell(recent, OBJECTIVES[AVAILABILITY])
    sentence = (
        f"{percent(recent.uptime, 3)} up in the last 30 days, {percent(recent.coverage, 1)} of them measured"
    )
    return Section(
        "slo", "SLO", sentence, cell.state,
        tables=(_months(days), _indicators(facts), _outages(facts)),
        strips=tuple(strip(facts, sli) for sli in facts.days),
    )  # fmt: skip


def _months(days: Mapping[date, Counts]) -> Table:
    objective = OBJECTIVES[AVAILABILITY]
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
            Cell(sli), Cell(f"{OBJECTIVES[sli] * 100:g} %"), Cell(percent(counts.uptime, 3)),
            Cell(percent(counts.coverage, 1)), Cell(show_seconds(counts.bad_seconds)),
            budget_cell(counts, OBJECTIVES[sli]),
        ))  # fmt: skip
    columns = ("Indicator", "Objective", "Uptime", "Measured", "Bad", "Budget left")
    return Table("Indicators, 30 days", columns, tuple(rows))


def _outages(facts: Facts) -> Table:
    rows = tuple(
        (Cell(began), Cell(lasted), Cell(cause)) for began, lasted, cause in outage_rows(facts.spells)
    )
    return Table("Outages, newest first", ("Began", "Lasted", "Cause"), rows, "none")
