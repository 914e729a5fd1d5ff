"""The first page: what is going on now."""

from __future__ import annotations

from collections.abc import Iterator

from instancectl.core.alerting.alertmanager import Silence
from instancectl.core.monitoring import catalogue_sidekiq as sidekiq
from instancectl.core.monitoring.history import percent, span_words
from instancectl.core.monitoring.overview import (
    ALERTS,
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
from instancectl.core.monitoring.overview_queues import latency_cell, wait_share
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
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

BUDGET_DAYS = 30
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
    if sentence.startswith("good; "):  # first what nobody saw: it may be all that matters
        return f"{sentence.removeprefix('good; ')}; what was seen is well"
    for word, instead in (("good, but: ", ""), ("bad: ", ""),
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
    span = span_words(facts.days.get(AVAILABILITY, {}), facts.today)
    yield Figure("Measured", measured, f"of the time {span}; the rest is unknown")
    yield Figure("Error budget left", budget_cell(counts, objective), budget_words(counts, objective))


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


def budget_words(counts: Counts, objective: float) -> str:
    """How much of the budget was used, in time."""
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
    names = [name for (name,) in reading.all(sidekiq.QUEUE_LATENCY)]
    if not names:
        return Figure("Worst wait of a job", Cell("unknown", State.UNKNOWN), "Redis was not read")
    name = max(names, key=lambda one: wait_share(reading, one))
    allowed = reading.value(sidekiq.QUEUE_OBJECTIVE, name)
    may = f", which may wait {show_seconds(allowed)}" if allowed else ""
    return Figure("Worst wait of a job", latency_cell(reading, name), f"in the queue {name}{may}")


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
        return Table(ALERTS, columns, (), facts.alerts.reason)
    rows = tuple(_alert_row(one) for one in facts.alerts)
    return Table(ALERTS, columns, rows, "no alert fires")


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
