"""Notices when more processes brought nothing, takes them back, and says where to look instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.need import Demand
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import ServiceState, State, Step
from instancectl.core.scaling.window import mean
from instancectl.core.scaling.work import JOBS
from instancectl.core.units import show_seconds

WATCHED: Final = 0.25  # share by which a service grew for its growth to be watched
EXPECTED: Final = 0.25  # share of the growth that must show in jobs per second
SETTLING_SECONDS: Final = 60.0  # after the new processes work
FROZEN_SECONDS: Final = 600.0
SATURATED: Final = 0.9
LATE: Final = 0.4


def throughput(demand: Demand) -> float:
    """What the service did in the last minute, jobs of different queues weighed by their usual length."""
    return sum(flow.done * JOBS[flow.queue].seconds for flow in demand.flows)


def watched(
    policy: Policy, state: State, demands: Mapping[str, Demand], at: float
) -> tuple[State, list[Decision]]:
    """Judge the steps whose time has come."""
    services = dict(state.services)
    undone: list[Decision] = []
    for name, demand in demands.items():
        memory = services.get(name, ServiceState())
        step = memory.step
        if step is None or at - step.at < state.boot_seconds + SETTLING_SECONDS:
            continue
        services[name] = replace(memory, step=None)
        if not _useless(demand, step):
            continue
        why = _sentence(demand, step)
        services[name] = replace(services[name], frozen_until=at + FROZEN_SECONDS, frozen_why=why)
        target = max(step.before, policy.floor(name))
        if target < demand.count:
            undone.append(Decision(Kind.REPLICAS, name, target, demand.count, "no-gain", why))
        undone.append(Decision(Kind.ASK, name, demand.count, demand.count, "no-gain", why))
    return replace(state, services=services), undone


def _useless(demand: Demand, step: Step) -> bool:
    """Still saturated and late, and hardly faster than before, with all the processes there."""
    if demand.seen.replicas < step.after:
        return False  # what was ordered never came: that says nothing about its use
    if mean(demand.memory.usage, 60) < SATURATED or demand.late < LATE or step.rate <= 0:
        return False
    return throughput(demand) / step.rate - 1 < EXPECTED * (step.after / step.before - 1)


def _sentence(demand: Demand, step: Step) -> str:
    gain = throughput(demand) / step.rate - 1
    return (
        f"{step.before} → {step.after} processes brought {gain:+.0%} jobs per second; "
        "it is not short of processes: look at PostgreSQL, the disk, the processor and remote hosts; "
        f"no growth for {show_seconds(FROZEN_SECONDS)}"
    )
