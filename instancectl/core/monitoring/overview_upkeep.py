"""Pages about upkeep: backups, and what scaling decided."""

from __future__ import annotations

from dataclasses import replace

from instancectl.core.backup import figures, wal_figures
from instancectl.core.monitoring import catalogue_scaling as autoscaler
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.overview import (
    STALE_SECONDS,
    Cell,
    Facts,
    Figure,
    Reading,
    Section,
    Show,
    State,
    Table,
    in_bytes,
    moment,
    whole,
    worst,
)
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

LATE_INTERVALS = 2.0
"""A set that is older than so many intervals is too old."""

DRILL_SECONDS = 35 * 86400.0
NO_INTERVAL_SECONDS = 86400.0


# ---- Backups


def backups(reading: Reading, now: float) -> Section:
    """From the metrics of backup sets; nothing is claimed without them."""
    made = reading.value(figures.SUCCESS)
    if made is None:
        said = "no backup is known: `instancectl backup init` sets them up, `backup create` makes the first"
        return Section("backups", "Backups", said, State.UNKNOWN)
    newest = _since(reading, figures.SUCCESS.name, now, _late(reading))
    took = reading.cell(figures.DURATION, show=_unless_never(show_seconds))
    shown = (
        Figure("Newest set", newest, "what a loss now would cost"),
        Figure("Last attempt", _since(reading, figures.ATTEMPT.name, now), "whether it worked or not"),
        Figure("Took", took, "the last one that worked"),
        Figure("Size", reading.cell(figures.SIZE, show=_unless_never(in_bytes)), "in each destination"),
        Figure("Copies", reading.cell(figures.COPIES), "destinations that hold the newest set"),
        Figure("Looked at", _since(reading, figures.VERIFIED.name, now), _verified(reading)),
        Figure("Rehearsed", _since(reading, figures.DRILLED.name, now, DRILL_SECONDS), _drilled(reading)),
        *_moments(reading, now),
    )  # fmt: skip
    state = next((one for one in (State.BAD, State.WARN) if one in {f.cell.state for f in shown}), State.GOOD)
    age = f"the newest set is {show_seconds(now - made)} old" if made else "no backup ever worked"
    drill = reading.value(figures.DRILLED)
    proven = f"rehearsed {show_seconds(now - drill)} ago" if drill else "no restore was ever rehearsed"
    wrong = "; something was wrong with it" if reading.value(figures.VERIFY_OK) == 0 else ""
    return Section("backups", "Backups", f"{age}{wrong}; {proven}", State.BAD if wrong else state, shown)


def _moments(reading: Reading, now: float) -> tuple[Figure, ...]:
    """How much a loss now would cost, where WAL is sent away between sets."""
    if reading.value(wal_figures.SENT) is None:
        return ()
    sent = _since(reading, wal_figures.SENT.name, now, wal_figures.LATE_SECONDS)
    if reading.value(wal_figures.UNBROKEN) == 0:
        note = "WAL is missing since the newest base: `instancectl backup create` makes another"
        return (Figure("Any moment until", replace(sent, state=State.BAD), note),)
    return (Figure("Any moment until", sent, "what was committed before can be brought back"),)


def _late(reading: Reading) -> float:
    return LATE_INTERVALS * (reading.value(figures.INTERVAL) or NO_INTERVAL_SECONDS) + 3600


def _since(reading: Reading, metric: str, now: float, limit: float = 0.0) -> Cell:
    """How long ago; without a limit it is neither good nor bad."""
    at = reading.value(metric)
    state = State.PLAIN
    if limit and at is not None:
        state = State.GOOD if at and now - at <= limit else State.BAD
    return reading.cell(
        metric, show=lambda one: f"{show_seconds(now - one)} ago" if one else "never", state=state
    )


def _unless_never(show: Show) -> Show:
    """Zero means that there is nothing to tell yet."""
    return lambda one: show(one) if one else "–"


def _verified(reading: Reading) -> str:
    if not reading.value(figures.VERIFIED):
        return "nobody looked yet"
    return "nothing was wrong" if reading.value(figures.VERIFY_OK) else "something was wrong"


def _drilled(reading: Reading) -> str:
    took = reading.value(figures.RTO)
    return f"a restore takes {show_seconds(took)}" if took else "how long a restore takes is not known"


# ---- Scaling


def scaling(facts: Facts, reading: Reading) -> Section:
    """What was decided and why, and what runs."""
    found = (_judged(facts, reading), _pressed(reading), _decided(facts))
    state = worst([one for one, _ in found])
    sentence = "; ".join(said for _, said in found if said)
    columns = ("When", "Decision")
    tables: tuple[Table, ...] = (_pressure(reading), _services(reading))
    if not isinstance(facts.decisions, Unknown):
        told = tuple((Cell(moment(one.at)), Cell(one.sentence)) for one in facts.decisions)
        tables = (Table("Decisions, newest first", columns, told, "none yet"), *tables)
    return Section("scaling", "Scaling", sentence, state, figures=_mode(reading), tables=tables)


def _judged(facts: Facts, reading: Reading) -> tuple[State, str]:
    """Whether anybody still judges; a pressure is shown only while somebody does."""
    last = reading.value(autoscaler.LAST_RUN)
    if last is not None and (facts.read_at or facts.now) - last > STALE_SECONDS:
        ago = show_seconds((facts.read_at or facts.now) - last)
        return State.UNKNOWN, f"nothing was judged for {ago}: `systemctl status instancectl-agent`"
    return State.PLAIN, ""


def _pressed(reading: Reading) -> tuple[State, str]:
    shares = sorted(
        ((share, name) for (name,), share in reading.all(autoscaler.PRESSURE).items()), reverse=True
    )
    over = [f"{name} {share:.1f} times" for share, name in shares if share > 1]
    if over:
        said = f"waits longer than allowed: {', '.join(over)}; `instancectl scale explain`"
        return State.WARN, said
    rung = reading.value(autoscaler.LADDER)
    if rung:
        return State.WARN, f"rung {rung:.0f} of the ladder is given up; `instancectl scale show`"
    return (State.GOOD, "everything keeps up") if shares else (State.PLAIN, "")


def _decided(facts: Facts) -> tuple[State, str]:
    if isinstance(facts.decisions, Unknown):
        return State.UNKNOWN, facts.decisions.reason
    if not facts.decisions:
        return State.PLAIN, "nothing was decided yet"
    newest = facts.decisions[0]
    ago = show_seconds(max(0.0, facts.now - newest.at))
    return State.PLAIN, f"the newest decision, {ago} ago: {newest.sentence}"


def _mode(reading: Reading) -> tuple[Figure, ...]:
    names = [mode for (mode,), on in reading.all(autoscaler.MODE).items() if on]
    if not names:
        return ()
    means = {"auto": "it acts by itself", "advise": "it says what it would do", "off": "it does nothing"}
    rung = reading.value(autoscaler.LADDER)
    state = State.WARN if rung else State.GOOD
    return (
        Figure("Mode", Cell(names[0]), means.get(names[0], "")),
        Figure("Given up", reading.cell(autoscaler.LADDER, state=state), "rung of the ladder; 0 is nothing"),
    )


def _services(reading: Reading) -> Table:
    names = {name for (name,) in (*reading.all(stores.CONTAINER_WANTED), *reading.all(autoscaler.DESIRED))}
    rows = tuple(
        (
            Cell(service),
            reading.cell(stores.CONTAINER_WANTED, service),
            _running(reading, service),
            _or_nothing(reading, autoscaler.DESIRED.name, service),
            _or_nothing(reading, autoscaler.MAX_REPLICAS.name, service),
        )
        for service in sorted(names)
    )
    columns = ("Service", "Replicas wanted", "Run", "Processes ordered", "At most")
    return Table("Services", columns, rows, "Docker was not seen")


def _or_nothing(reading: Reading, metric: str, service: str) -> Cell:
    """Services that are never scaled have no such number, which is nothing to wonder at."""
    found = reading.cell(metric, service, show=whole)
    return found if found.value is not None else Cell("")


def _pressure(reading: Reading) -> Table:
    """The queue that waits longest first."""
    shares = sorted(reading.all(autoscaler.PRESSURE).items(), key=lambda one: (-one[1], one[0]))
    rows = tuple(
        (Cell(name), reading.cell(autoscaler.PRESSURE, name, show=lambda one: f"{whole(one * 100)} %",
                                  state=State.WARN if share > 1 else State.GOOD))
        for (name,), share in shares
    )  # fmt: skip
    return Table("Wait, as a share of what is allowed", ("Queue", "Share"), rows, "nothing was sampled")


def _running(reading: Reading, service: str) -> Cell:
    run = sum(up for (name, _), up in reading.all(stores.CONTAINER_UP).items() if name == service)
    wanted = reading.value(stores.CONTAINER_WANTED, service) or 0
    return Cell(f"{run:.0f}", State.GOOD if run >= wanted else State.BAD)
