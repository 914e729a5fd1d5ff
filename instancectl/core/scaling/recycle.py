"""Replaces processes before memory runs out: a process killed for memory loses the jobs it holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.grown import Outlook
from instancectl.core.scaling.learn import Seen
from instancectl.core.scaling.sample import ServiceSample
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import State
from instancectl.core.scaling.window import mean
from instancectl.core.sizes import BASE, SidekiqPlan
from instancectl.core.units import GIB, show_mib, show_seconds

LARGEST_BYTES: Final = GIB
OF_LIMIT: Final = 0.9
EVERY_SECONDS: Final = 600.0
OLD_SECONDS: Final = 12 * 3600.0
OLD_IDLE_SECONDS: Final = 24 * 3600.0
IDLE: Final = 0.05
CLEAR: Final = 0.1  # share of its objective that a queue may have used up


def recycled(policy: Policy, state: State, seen: Seen, outlook: Outlook) -> tuple[State, list[Decision]]:
    """At most one process in ten minutes, the one nearest to its memory limit first."""
    if not outlook.settled or 0 < seen.at - state.recycled_at < EVERY_SECONDS:
        return state, []
    due = [
        (share, plan.service, why)
        for plan in policy.layout.sidekiq
        if plan.service in seen.services
        for share, why in [
            _due(plan, seen.services[plan.service], mean(state.service(plan.service).usage, 300))
        ]
        if why and _calm(plan.service, outlook)
    ]
    if not due:
        return state, []
    _, service, why = max(due)
    if service != BASE and (refusal := outlook.room.refusal(service)):
        reason = f"{why}, but there is no room to start its successor first: {refusal}"
        return state, [Decision(Kind.HOLD, service, 0, 0, "recycle", reason)]
    return replace(state, recycled_at=seen.at), [Decision(Kind.RECYCLE, service, 1, 0, "recycle", why)]


def _due(plan: SidekiqPlan, one: ServiceSample, usage: float) -> tuple[float, str]:
    """How near its limit it is, and why it is due; empty when it is not."""
    if not one.replicas or one.starting or one.draining:
        return 0.0, ""
    limit = min(LARGEST_BYTES, int(plan.memory_bytes * OF_LIMIT) or LARGEST_BYTES)
    share = one.largest_bytes / limit
    if share > 1:
        return (
            share,
            f"its largest process takes {show_mib(one.largest_bytes)}, {show_mib(limit)} is the most",
        )
    allowed = OLD_SECONDS if usage > IDLE else OLD_IDLE_SECONDS
    if plan.service != BASE and one.oldest_seconds > allowed:
        return (
            share,
            f"its oldest process works since {show_seconds(one.oldest_seconds)}, memory grows with time",
        )
    return share, ""


def _calm(service: str, outlook: Outlook) -> bool:
    demand = outlook.demands.get(service)
    return demand is None or demand.late < CLEAR
