"""The page about queues: who waits, for how long, and whether anybody takes the jobs."""

from __future__ import annotations

from collections.abc import Iterable

from instancectl.core.monitoring import catalogue_sidekiq as sidekiq
from instancectl.core.monitoring.overview import Cell, Reading, Section, State, Table, in_bytes, whole
from instancectl.core.sizes import QUEUES
from instancectl.core.units import show_seconds

NEAR = 0.5
"""Share of an objective from which on a latency is worth a look."""

NAMED = 3
"""So many late queues are named in a sentence; the rest is in the table."""


def queues(reading: Reading) -> Section:
    """Size and latency against each queue's objective; never what the jobs carry."""
    names = [name for (name,) in reading.all(sidekiq.QUEUE_JOBS)]
    if not names:
        said = "Redis did not answer, so no queue is known; `instancectl logs redis`"
        return Section("queues", "Queues", said, State.UNKNOWN)
    names = [*(name for name in QUEUES if name in names), *sorted(set(names) - set(QUEUES))]
    state, said = work_words(reading, names)
    waiting = whole(sum(reading.all(sidekiq.QUEUE_JOBS).values()))
    todo = trouble(reading, names)
    look = f"; `instancectl runbook {todo}`" if todo else ""
    first = list(dict.fromkeys([*unattended(reading, names), *_late(reading, names)]))
    names = [*first, *(name for name in names if name not in first)]
    return Section(
        "queues",
        "Queues",
        f"{said or 'no job waits longer than it may'}; {waiting} wait in all{look}",
        state,
        tables=(_queue_table(reading, names), _sets(reading), _processes(reading)),
    )


def work_words(reading: Reading, names: Iterable[str]) -> tuple[State, str]:
    """What is wrong with some queues, the latest first; empty when nothing is.

    A queue from which nobody takes is bad before its first job is late.
    """
    mine = tuple(names)
    bare, late = unattended(reading, mine), _late(reading, mine)
    said = []
    if bare:
        whose = "any queue" if set(bare) >= set(QUEUES) else ", ".join(bare)
        said.append(f"no process takes jobs from {whose}")
    if late:
        waits = ", ".join(_wait_words(reading, name) for name in late[:NAMED])
        more = f" and {len(late) - NAMED} more" if len(late) > NAMED else ""
        said.append(f"jobs wait longer than they may: {waits}{more}")
    state = State.BAD if bare else State.WARN if late else State.GOOD
    return state, "; ".join(said)


def trouble(reading: Reading, names: Iterable[str]) -> str:
    """The alert whose runbook helps with these queues; empty when nothing is wrong with them."""
    mine = tuple(names)
    if unattended(reading, mine):
        return "QueueUnattended"
    return "QueueLatencyHigh" if _late(reading, mine) else ""


def unattended(reading: Reading, names: Iterable[str]) -> list[str]:
    """Those of Mastodon's queues that no live process works on."""
    return [name for name in names if name in QUEUES and reading.value(sidekiq.QUEUE_PROCESSES, name) == 0]


def _late(reading: Reading, names: Iterable[str]) -> list[str]:
    """The one that is the furthest over what it may wait first."""
    late = [name for name in names if latency_cell(reading, name).state is State.BAD]
    return sorted(late, key=lambda name: -wait_share(reading, name))


def wait_share(reading: Reading, name: str) -> float:
    """Latency as a share of what is allowed; 0 where either is unknown."""
    latency = reading.value(sidekiq.QUEUE_LATENCY, name)
    objective = reading.value(sidekiq.QUEUE_OBJECTIVE, name)
    return (latency or 0.0) / objective if objective else 0.0


def _wait_words(reading: Reading, name: str) -> str:
    allowed = show_seconds(reading.value(sidekiq.QUEUE_OBJECTIVE, name) or 0.0)
    return f"{name} {latency_cell(reading, name).text} (may {allowed})"


def latency_cell(reading: Reading, queue: str) -> Cell:
    """Coloured by the queue's own objective, never by absolute numbers."""
    latency = reading.value(sidekiq.QUEUE_LATENCY, queue)
    objective = reading.value(sidekiq.QUEUE_OBJECTIVE, queue)
    state = State.PLAIN
    if latency is not None and objective:
        state = State.GOOD
        if latency > objective * NEAR:
            state = State.BAD if latency > objective else State.WARN
    return reading.cell(sidekiq.QUEUE_LATENCY, queue, show=show_seconds, state=state)


def _queue_table(reading: Reading, names: list[str]) -> Table:
    rows = tuple(
        (
            Cell(name),
            reading.cell(sidekiq.QUEUE_JOBS, name),
            latency_cell(reading, name),
            reading.cell(sidekiq.QUEUE_OBJECTIVE, name, show=show_seconds),
            _takers(reading, name),
            reading.cell(sidekiq.QUEUE_THREADS, name),
            reading.cell(sidekiq.QUEUE_BUSY, name),
            reading.cell(sidekiq.QUEUE_OLDEST_RUN, name, show=show_seconds),
        )
        for name in names
    )
    columns = ("Queue", "Size", "Latency", "May wait", "Processes", "Threads", "Busy", "Longest run")
    return Table("Queues", columns, rows)


def _takers(reading: Reading, queue: str) -> Cell:
    state = State.BAD if reading.value(sidekiq.QUEUE_PROCESSES, queue) == 0 else State.PLAIN
    return reading.cell(sidekiq.QUEUE_PROCESSES, queue, state=state)


def _sets(reading: Reading) -> Table:
    rows = tuple(
        (
            Cell(name),
            reading.cell(sidekiq.SET_JOBS, name),
            reading.cell(sidekiq.SET_OVERDUE, name, show=show_seconds),
        )
        for (name,) in sorted(reading.all(sidekiq.SET_JOBS))
    )
    return Table("Sets", ("Set", "Jobs", "First one late by"), rows)


def _processes(reading: Reading) -> Table:
    rows = tuple(
        (
            Cell(name),
            reading.cell(sidekiq.PROCESS_THREADS, name),
            reading.cell(sidekiq.PROCESS_BUSY, name),
            reading.cell(sidekiq.PROCESS_MEMORY, name, show=in_bytes),
            reading.cell(sidekiq.PROCESS_ROUND_TRIP, name, show=milliseconds),
        )
        for (name,) in sorted(reading.all(sidekiq.PROCESS_THREADS))
    )
    columns = ("Process", "Threads", "Busy", "Memory", "Way to Redis")
    return Table("Processes", columns, rows, "no process of Sidekiq beats")


def milliseconds(value: float) -> str:
    """Of a short time in seconds."""
    return f"{value * 1000:.1f} ms"
