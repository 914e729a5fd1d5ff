"""`scale explain`: what was decided, when and why, with the numbers of that moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from instancectl.core.result import Result, Status
from instancectl.core.scaling.moments import past
from instancectl.core.units import show_mib, show_seconds
from instancectl.operations.scaling.loop import explained
from instancectl.ports.clock import Clock
from instancectl.ports.scaling_record import Decided, ScalingRecord

DAY_SECONDS: Final = 86400.0
AROUND_SECONDS: Final = 300.0
SHOWN: Final = 60


def explain(record: ScalingRecord, clock: Clock, at: str = "") -> Result:
    """The decisions of the last day, or those around a moment and what was seen then.

    Raises:
        ConfigError: `at` is no moment.
    """
    now = clock.epoch_seconds()
    since, until = now - DAY_SECONDS, now
    if at:
        moment = past(at, datetime.fromtimestamp(now).astimezone()).timestamp()
        since, until = moment - AROUND_SECONDS, moment + AROUND_SECONDS
    found = record.decisions(since, until)
    rows = record.rows(since, until) if at else ()
    seen = min(rows, key=lambda row: abs(row[0] - moment)) if rows else None
    lines = [_line(one) for one in found[-SHOWN:]]
    if len(found) > SHOWN:
        lines.insert(0, f"… {len(found) - SHOWN} earlier ones; `--json` has all of them")
    if not lines:
        lines = [_nothing(record, since, until)]
    if seen is not None:
        lines += ["", f"seen at {_clock(seen[0])}:", *_numbers(seen[1])]
    data = {
        "since": since,
        "until": until,
        "decisions": [
            {"at": one.at, "sentence": explained(one.decision, one.outcome), "outcome": one.outcome,
             **one.decision}
            for one in found
        ],
        "seen": {"at": seen[0], **seen[1]} if seen else None,
    }  # fmt: skip
    return Result(Status.OK, data, tuple(lines))


def _nothing(record: ScalingRecord, since: float, until: float) -> str:
    if record.rows(since, until):
        return "nothing was decided then: everything kept up"
    return "nothing was recorded then: is the agent running? type `systemctl status instancectl-agent`"


def _line(one: Decided) -> str:
    return f"{_clock(one.at)}  {explained(one.decision, one.outcome)}"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%m-%d %H:%M:%S}"


def _numbers(row: Mapping[str, Any]) -> list[str]:
    lines = [
        f"  {name}: {size} jobs, oldest {show_seconds(latency)}, {busy} busy threads, {rate:.1f} jobs/s come"
        for name, (size, latency, busy, _, rate) in row["queues"].items()
    ]
    lines += [
        f"  `{name}`: {replicas} processes"
        + (f", {starting} starting" if starting else "")
        + (f", {draining} leaving" if draining else "")
        + f", {busy} busy threads"
        + ("" if cores is None else f", {cores:.2f} cores")
        for name, (replicas, starting, draining, busy, cores, _) in row["services"].items()
    ]
    if "web" in row:
        processes, _, busy, wait, cores = row["web"]
        used = "" if cores is None else f", {cores:.2f} cores"
        lines.append(
            f"  `web`: {processes} processes, {busy:.1f} busy threads, "
            f"requests wait {wait * 1000:.0f} ms{used}"
        )
    for used, free, *further in row.get("hosts", ()):
        name, carries = further or ("host", {})  # of rows that an earlier version wrote
        carried = "".join(f", {count} × {service}" for service, count in sorted(carries.items()))
        lines.append(f"  {name}: processor {used:.0%} used, {show_mib(max(0, free) << 20)} free{carried}")
    if "database" in row:
        lines.append(f"  database: {row['database'][0]} of {row['database'][1]} connections")
    return lines
