"""Samples as they are kept: short rows of plain values, and the trace that can be replayed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from instancectl.core.scaling.sample import Sample
from instancectl.core.scaling.simulator.trace import QUEUES, Row, Trace
from instancectl.core.scaling.state import State
from instancectl.core.unknown import Unknown
from instancectl.errors import Refused

SPACING_SECONDS: Final = 60
"""Of the rows of a trace made of a recording: arrivals within a minute are averaged."""

REQUEST_CORE_SECONDS: Final = 0.036
"""Processor time of one request of Puma, timelines and the rest as people mix them (the simulator's cost)."""

Recorded = tuple[float, Mapping[str, Any]]


def row(sample: Sample, state: State) -> dict[str, Any] | None:
    """One sample as it is kept; None when hardly anything of it is known."""
    if isinstance(sample.queues, Unknown) or isinstance(sample.services, Unknown):
        return None
    found: dict[str, Any] = {
        "queues": {
            name: [one.size, round(one.latency_seconds, 1), one.busy, one.arrivals, _arriving(state, name)]
            for name, one in sample.queues.items()
        },
        "services": {
            name: [
                one.replicas, one.starting, one.draining, one.busy, _rounded(one.cores),
                one.largest_bytes >> 20,
            ]
            for name, one in sample.services.items()
        },
        "ladder": state.ladder.level,
    }  # fmt: skip
    if not isinstance(sample.web, Unknown):
        web = sample.web
        found["web"] = [
            web.processes, web.starting, round(web.busy, 2), round(web.queue_seconds, 3), _rounded(web.cores)
        ]  # fmt: skip
    if not isinstance(sample.hosts, Unknown):
        found["hosts"] = [
            [round(one.used, 3), one.available_bytes >> 20, one.name, dict(one.carries)]
            for one in sample.hosts
        ]
    if not isinstance(sample.database, Unknown):
        found["database"] = [sample.database.open, sample.database.max_connections]
    if not isinstance(sample.mail, Unknown):
        found["mail"] = [sample.mail.delivered, sample.mail.failed, sample.mail.sent_today]
    for name in ("processed", "signups", "registrations"):
        value = getattr(sample, name)
        if not isinstance(value, Unknown):
            found[name] = value
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _arriving(state: State, queue: str) -> float:
    """Jobs per second that came, as the policy learned it from this sample."""
    window = state.queue(queue).arriving
    return round(window[-1][1], 3) if window else 0.0


def trace(rows: Sequence[Recorded], name: str) -> Trace:
    """What came to the instance, minute by minute, for the simulator.

    Raises:
        Refused: there are less than ten minutes of it.
    """
    if not rows or rows[-1][0] - rows[0][0] < 10 * SPACING_SECONDS:
        raise Refused(
            f"cannot replay `{name}`: less than ten minutes were recorded then",
            hint="`instancectl agent run` records while it runs",
            subject=name,
        )
    start = rows[0][0]
    buckets: dict[int, list[Mapping[str, Any]]] = {}
    for at, one in rows:
        buckets.setdefault(int((at - start) // SPACING_SECONDS), []).append(one)
    made = [_row(number, buckets[number]) for number in sorted(buckets)]
    end = Row((max(buckets) + 1) * SPACING_SECONDS, dict.fromkeys(QUEUES, 0.0))
    return Trace(name, (*made, end), follow_up=False)


def _row(number: int, seen: Sequence[Mapping[str, Any]]) -> Row:
    count = len(seen)
    jobs = {
        queue: sum(one["queues"].get(queue, [0, 0, 0, None, 0.0])[4] for one in seen) / count
        for queue in QUEUES
    }
    cores = [one["web"][4] for one in seen if one.get("web") and one["web"][4] is not None]
    signups = sum(one.get("signups", 0) for one in seen) / SPACING_SECONDS
    requests = sum(cores) / len(cores) / REQUEST_CORE_SECONDS if cores else 0.0
    return Row(number * SPACING_SECONDS, jobs, signups, requests)
