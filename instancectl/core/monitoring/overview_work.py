"""Pages about work: what is going on now, and queues."""

from __future__ import annotations

from collections.abc import Iterator

from instancectl.core.alerting.alertmanager import Silence
from instancectl.core.monitoring import catalogue_sidekiq as sidekiq
from instancectl.core.monitoring.history import percent
from instancectl.core.monitoring.overview import (
    STATE_OF,
    Cell,
    Facts,
    Figure,
    Firing,
    Reading,
    Section,
    State,
    Table,
    moment,
    strip,
    worst,
)
from instancectl.core.monitoring.silence_form import names_of, path_of
from instancectl.core.monitoring.sli import (
    AVAILABILITY,
    SLICE_SECONDS,
    SURFACES,
    TIMELINE,
    Counts,
    Verdict,
    budget_left,
    last_days,
)
from instancectl.core.sizes import QUEUES
from instancectl.core.units import show_bytes, show_seconds
from instancectl.core.unknown import Unknown

BUDGET_DAYS = 30
NEAR = 0.5
"""Share of an objective from which on a latency is worth a look."""

TIGHT_BUDGET = 0.25
ENOUGH_MEASURED = 0.98


# ---- Now


def now(facts: Facts, reading: Reading) -> Section:
    """The verdict, every surface, the error budget and the alerts."""
    state, sentence = headline(facts)
    return Section(
        "now",
        "Now",
        sentence,
        state,
        figures=(*_budget(facts), _slowest_queue(reading)),
        tables=(_alerts(facts), *_silences(facts), _surfaces(facts)),
        strips=(strip(facts, AVAILABILITY),) if AVAILABILITY in facts.days else (),
    )


def headline(facts: Facts) -> tuple[State, str]:
    """One sentence; an old verdict is none."""
    at = facts.verdict.get("slice_at")
    if at is None:
        return State.UNKNOWN, "nothing was looked at yet"
    if facts.stale:
        return State.UNKNOWN, f"the last look was {show_seconds(facts.now - at)} ago"
    found = [STATE_OF[Verdict(one)] for one in facts.verdict["verdicts"].values()]
    state = worst(found)
    if state is State.BAD and facts.verdict["verdicts"].get(AVAILABILITY) != Verdict.BAD:
        state = State.WARN
    if state is State.GOOD and facts.verdict.get("causes"):
        state = State.WARN  # something broke, and nothing shows it yet
    return state, _said(state, str(facts.verdict["sentence"]))


def _said(state: State, sentence: str) -> str:
    """The verdict's sentence without the word that the badge beside it says."""
    if sentence == "good":
        return "all is well"
    for word, instead in (("good; ", "all that was seen is well; "), ("good, but: ", ""), ("bad: ", ""),
                          ("unknown: ", "")):  # fmt: skip
        if sentence.startswith(word):
            sentence = instead + sentence.removeprefix(word)
            break
    return f"people get in, but: {sentence}" if state is State.WARN else sentence


def _budget(facts: Facts) -> Iterator[Figure]:
    counts = _recent(facts, AVAILABILITY)
    objective = facts.objectives[AVAILABILITY]
    uptime = Cell(percent(counts.uptime, 3), _against(counts.uptime, objective))
    yield Figure(
        "Uptime, 30 days", uptime, f"of the time that was measured; {objective * 100:g} % are promised"
    )
    measured = Cell(percent(counts.coverage, 1), coverage_state(counts))
    yield Figure("Measured", measured, "of these 30 days; the rest is unknown")
    yield Figure("Error budget left", budget_cell(counts, objective), _budget_words(counts, objective))


def coverage_state(counts: Counts) -> State:
    """Whether so much was measured that uptime means something."""
    if counts.coverage is None:
        return State.UNKNOWN
    return State.GOOD if counts.coverage >= ENOUGH_MEASURED else State.WARN


def budget_cell(counts: Counts, objective: float) -> Cell:
    """Share of the budget that is left."""
    left = budget_left(counts, objective)
    if left is None:
        return Cell("unknown", State.UNKNOWN)
    state = State.BAD if left < 0 else State.WARN if left < TIGHT_BUDGET else State.GOOD
    return Cell(f"{left * 100:.0f} %", state)


def _budget_words(counts: Counts, objective: float) -> str:
    if not counts.measured:
        return "nothing was measured yet"
    allowed = (1 - objective) * counts.measured * SLICE_SECONDS
    return f"{show_seconds(counts.bad_seconds)} bad, {show_seconds(round(allowed))} are allowed"


def _against(share: float | None, objective: float) -> State:
    if share is None:
        return State.UNKNOWN
    return State.GOOD if share >= objective else State.BAD


def _recent(facts: Facts, sli: str) -> Counts:
    return last_days(facts.days.get(sli, {}), facts.today, BUDGET_DAYS)


def _slowest_queue(reading: Reading) -> Figure:
    ranked = [
        (reading.value(sidekiq.QUEUE_LATENCY, name) or 0.0, name)
        for (name,) in reading.all(sidekiq.QUEUE_LATENCY)
    ]
    if not ranked:
        return Figure("Longest wait of a job", Cell("unknown", State.UNKNOWN), "Redis was not read")
    shares = [(latency / (reading.value(sidekiq.QUEUE_OBJECTIVE, name) or latency or 1.0), name)
              for latency, name in ranked]  # fmt: skip
    _, name = max(shares)
    return Figure("Longest wait of a job", latency_cell(reading, name), f"in the queue {name}")


def _surfaces(facts: Facts) -> Table:
    verdicts = {} if facts.stale else dict(facts.verdict.get("verdicts") or {})
    reasons = facts.verdict.get("reasons") or {}
    rows = []
    for sli in (AVAILABILITY, *SURFACES, TIMELINE):
        if sli not in facts.days and sli not in verdicts:
            continue
        verdict = Verdict(verdicts.get(sli, Verdict.UNKNOWN))
        counts = _recent(facts, sli)
        said = "" if verdict is Verdict.GOOD else str(reasons.get(sli, ""))
        rows.append((
            Cell(sli), Cell(verdict.value, STATE_OF[verdict]), Cell(percent(counts.uptime, 3)),
            Cell(percent(counts.coverage, 1)), budget_cell(counts, facts.objectives[sli]), Cell(said),
        ))  # fmt: skip
    return Table(
        "Surfaces", ("Surface", "Now", "Uptime, 30 d", "Measured", "Budget left", "Why"), tuple(rows),
        "nothing was measured yet",
    )  # fmt: skip


def _alerts(facts: Facts) -> Table:
    columns = ("Alert", "Who", "What", "Since", "Silence")
    if isinstance(facts.alerts, Unknown):
        return Table("Alerts", columns, (), facts.alerts.reason)
    rows = tuple(_alert_row(one) for one in facts.alerts)
    return Table("Alerts", columns, rows, "no alert fires")


def _alert_row(one: Firing) -> tuple[Cell, ...]:
    state = State.BAD if one.severity == "page" else State.WARN
    silence = Cell("silenced" if one.silenced else "silence it", link=path_of(one.name))
    return (
        Cell(one.name, state, runbook=one.runbook),
        Cell(one.severity),
        Cell(one.summary),
        Cell(moment(one.since)),
        silence,
    )


def _silences(facts: Facts) -> Iterator[Table]:
    """Only while there are any: nobody looks for them otherwise."""
    if not isinstance(facts.silences, Unknown) and facts.silences:
        rows = tuple(_silence_row(one) for one in facts.silences)
        yield Table("Silences", ("Alerts", "Until", "Who", "Why", "Change"), rows)


def _silence_row(one: Silence) -> tuple[Cell, ...]:
    alone = one.names[0] if len(one.names) == 1 else ""
    return (
        Cell(names_of(one)),
        Cell(moment(one.until)),
        Cell(one.who),
        Cell(one.why),
        Cell("change or end it", link=path_of(alone)),
    )


# ---- Queues


def queues(reading: Reading) -> Section:
    """Size and latency against each queue's objective; never what the jobs carry."""
    names = [name for (name,) in reading.all(sidekiq.QUEUE_JOBS)]
    if not names:
        return Section("queues", "Queues", "Redis did not answer, so no queue is known", State.UNKNOWN)
    names = [*(name for name in QUEUES if name in names), *sorted(set(names) - set(QUEUES))]
    late = [name for name in names if latency_cell(reading, name).state is State.BAD]
    waiting = sum(reading.all(sidekiq.QUEUE_JOBS).values())
    said = f"{', '.join(late)}: jobs wait longer than they may" if late else "no job waits longer than it may"
    return Section(
        "queues",
        "Queues",
        f"{said}; {waiting:.0f} wait in all",
        State.WARN if late else State.GOOD,
        tables=(_queue_table(reading, names), _sets(reading), _processes(reading)),
    )


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


def in_bytes(value: float) -> str:
    """In binary units."""
    return show_bytes(int(value))


def milliseconds(value: float) -> str:
    """Of a short time in seconds."""
    return f"{value * 1000:.1f} ms"
