"""What `scale show` says: numbers that run, that were chosen, and what there is room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instancectl.core.applied import Applied
from instancectl.core.observed import Observed, ServiceState
from instancectl.core.scaling import chosen
from instancectl.core.scaling.hosts import free
from instancectl.core.scaling.room import Room
from instancectl.core.scaling.sample import HostSample, Sample
from instancectl.core.scaling.settings import Policy
from instancectl.core.units import show_mib
from instancectl.core.unknown import Known, Unknown


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was looked at."""

    policy: Policy
    observed: Observed
    sample: Sample
    room: Known[Room]


def room_of(policy: Policy, observed: Observed, sample: Sample) -> Known[Room]:
    """What there is room for; what runs is taken from the services, what is free from the reading."""
    if isinstance(sample.hosts, Unknown):
        return sample.hosts
    if isinstance(sample.database, Unknown):
        return sample.database
    counts = {
        plan.service: running(observed, plan.service)
        for plan in policy.layout.sidekiq
        if plan.service in observed.services
    }
    starting = {
        name: missing
        for name, state in observed.services.items()
        if name in counts and (missing := _starting(state))
    }
    web = running(observed, "web")
    if not isinstance(sample.web, Unknown):
        web = max(web, sample.web.processes + sample.web.starting)
    used = sum(host.used for host in sample.hosts) / len(sample.hosts)
    return Room(policy, counts, web, starting, sample.hosts, sample.database, used)


def _starting(state: ServiceState) -> int:
    return max(0, state.spec.replicas - state.running)


def running(observed: Observed, name: str) -> int:
    """Processes that a service is to have; 0 when there is no such service."""
    return chosen.running(observed.services[name].spec) if name in observed.services else 0


def row(seen: Seen, applied: Applied, name: str, now: float) -> dict[str, Any]:
    """One service as plain values; `now` in seconds since 1970."""
    policy, sample, room = seen.policy, seen.sample, seen.room
    held = applied.holds.get(name)
    services = {} if isinstance(sample.services, Unknown) else sample.services
    number, busy = running(seen.observed, name), None
    if name in services:
        one = services[name]
        busy = one.busy / max(1, one.replicas * policy.plan(name).threads)
    elif name == "web" and not isinstance(sample.web, Unknown):
        number = sample.web.processes + sample.web.starting
    why = room.reason if isinstance(room, Unknown) else room.refusal(name)
    if number >= policy.ceiling(name):
        why = why or f"processor: {policy.machine.cores} cores"
    return {
        "service": name,
        "processes": number,
        "layout": policy.configured(name),
        "chosen": applied.scale.get(name),
        "held": held[0] if held and held[1] > now else None,
        "held_until": held[1] if held and held[1] > now else None,
        "busy": busy,
        "most": policy.ceiling(name),
        "no_more": why,
    }


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows for people."""
    head = ("service", "runs", "layout", "chosen", "busy", "one more")
    cells = [
        (
            row["service"],
            str(row["processes"]),
            str(row["layout"]),
            _choice(row),
            "–" if row["busy"] is None else f"{row['busy']:.0%}",
            row["no_more"].partition(":")[0] if row["no_more"] else "fits",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *cells)
    ]


def _choice(row: Mapping[str, Any]) -> str:
    if row["held"] is not None:
        return f"{row['held']} until {clock_of(row['held_until'])}"
    return "–" if row["chosen"] is None else str(row["chosen"])


def budget_lines(room: Known[Room]) -> list[str]:
    """The sum of connections, or why it is not known."""
    if isinstance(room, Unknown):
        return [f"what there is room for is unknown: {room.reason}"]
    return [f"connections: {room.connections().arithmetic}"]


def host_lines(seen: Known[tuple[HostSample, ...]]) -> list[str]:
    """What each host has room for, where there are several; or why it is not known."""
    if isinstance(seen, Unknown):
        return [f"what the hosts have room for is unknown: {seen.reason}"]
    if len(seen) < 2:
        return []
    return [_host_line(one) for one in seen]


def _host_line(one: HostSample) -> str:
    carried = ", ".join(f"{count} × {name}" for name, count in sorted(one.carries.items()))
    how = "measured" if one.measured else "reckoned from what runs there"
    return (
        f"`{one.name}`: {show_mib(max(0, free(one)))} of {show_mib(one.memory_bytes)} to give away, "
        f"{one.used:.0%} of {one.cores} cores used ({how}); {carried or 'nothing runs there'}"
    )


def hosts_as_json(seen: Known[tuple[HostSample, ...]]) -> Any:
    """Plain values of every host; bytes."""
    if isinstance(seen, Unknown):
        return {"unknown": seen.reason}
    return [
        {
            "name": one.name, "cores": one.cores, "used": round(one.used, 3), "measured": one.measured,
            "memory_bytes": one.memory_bytes, "room_bytes": max(0, free(one)), "replicas": dict(one.carries),
        }
        for one in seen
    ]  # fmt: skip


def clock_of(at: float) -> str:
    """A moment in local time."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M}"
