"""Little's law: how fast jobs come, how fast they go, and what one of them costs here.

As long as the oldest job has waited for 20 s, everything that came meanwhile is still listed, so
arrivals are counted exactly, and departures follow from the change of the size. Otherwise
departures are what the busy threads, or the processor time, amount to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from instancectl.core.scaling.sample import QueueSample, ServiceSample
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import QueueState, State
from instancectl.core.scaling.window import added, mean
from instancectl.core.scaling.work import BUSY_LIMIT, JOBS
from instancectl.core.sizes import BASE, COMPUTING, SidekiqPlan

COUNTED_SECONDS: Final = 20.0
SATURATED: Final = 0.9
LEARN: Final = 0.25
BOUNDS: Final = (0.4, 2.5)  # one odd window must not turn what is known upside down
PLAUSIBLE: Final = (0.02, 200.0)  # a cost may be so far from the table, and no further
PACE_BOUNDS: Final = (0.08, 4.0)
TREND_SECONDS: Final = 120.0
SPIKE: Final = 2.5  # a forecast beyond this many times the last minute is noise


@dataclass(frozen=True, slots=True)
class Carried:
    """A queue, the service that carries it, and what was seen of both."""

    queue: str
    plan: SidekiqPlan
    seen: QueueSample
    service: ServiceSample

    @property
    def alone(self) -> bool:
        """Whether the service works on no other queue that is judged."""
        return sum(queue in JOBS for queue in self.plan.queues) == 1

    @property
    def by_processor(self) -> bool:
        """Whether processor time tells its rate better than the few threads that happen to be busy."""
        return self.alone and self.plan.service in COMPUTING and self.service.cores is not None


def carried(
    policy: Policy, queues: Mapping[str, QueueSample], services: Mapping[str, ServiceSample]
) -> tuple[Carried, ...]:
    """Every queue that was seen with its own service; the base process only for what nobody else has."""
    found: dict[str, Carried] = {}
    for plan in sorted(policy.layout.sidekiq, key=lambda plan: plan.service != BASE):
        for queue in policy.queues(plan):
            if queue in queues and plan.service in services:
                found[queue] = Carried(queue, plan, queues[queue], services[plan.service])
    return tuple(found.values())


def pace(state: State, seen: tuple[Carried, ...], processed: float) -> float:
    """How fast this host computes against the host of the table, from all jobs done per second.

    What waits is taken off by its busy threads; the rest was done in the processor time that was used.
    """
    waiting, computed = 0.0, 0.0
    for one in seen:
        if not one.by_processor:
            waiting += _departures(one, state.queue(one.queue), state.pace)
        elif not state.queue(one.queue).processor_seconds:
            computed += (one.service.cores or 0.0) / JOBS[one.queue].processor_seconds
        else:
            waiting += _departures(one, state.queue(one.queue), state.pace)
    if computed < 1.0 or processed - waiting < 0.05 * processed:
        return state.pace
    low, high = PACE_BOUNDS
    return state.pace + LEARN * (min(max((processed - waiting) / computed, low), high) - state.pace)


@dataclass(frozen=True, slots=True)
class Interval:
    """From the last sample to this one; of `stalled` queues, whose dependency fails, nothing is learned."""

    at: float
    elapsed: float
    pace: float
    stalled: frozenset[str] = frozenset()


def remembered(one: Carried, known: QueueState, now: Interval) -> QueueState:
    """The memory of a queue with this sample in it."""
    growth = (one.seen.size - known.size) / now.elapsed if known.arriving else 0.0
    if one.seen.arrivals is not None:
        arriving = one.seen.arrivals / COUNTED_SECONDS
        done = max(0.0, arriving - growth)
        known = known if one.queue in now.stalled else _measured(one, known, done)
    else:
        done = _departures(one, known, now.pace)
        arriving = max(0.0, done + growth)
    return replace(
        known,
        size=one.seen.size,
        arriving=added(known.arriving, now.at, arriving),
        done=added(known.done, now.at, done),
    )


def _departures(one: Carried, known: QueueState, host_pace: float) -> float:
    """Jobs per second, from the processor time where they compute, else from the threads at work."""
    cost = JOBS[one.queue]
    if one.by_processor and one.service.cores is not None:
        return one.service.cores / (known.processor_seconds or cost.processor_seconds / host_pace)
    return one.seen.busy / (known.seconds or cost.seconds)


def _measured(one: Carried, known: QueueState, done: float) -> QueueState:
    """What a job costs, learned while every thread is taken and the rates are exact."""
    service = one.service
    full = service.busy >= SATURATED * service.replicas * one.plan.threads
    if not full or one.seen.busy == 0 or done <= 0.05 * service.replicas:
        return known
    cost = JOBS[one.queue]
    seconds = _towards(known.seconds, _plausible(one.seen.busy / done, cost.seconds))
    processor = known.processor_seconds
    if one.alone and service.cores:
        processor = _towards(processor, _plausible(service.cores / done, cost.processor_seconds))
    return replace(known, seconds=seconds, processor_seconds=processor)


def _plausible(measured: float, table: float) -> float:
    """What cannot be is a fault of the reading, not of the job."""
    low, high = PLAUSIBLE
    return min(max(measured, low * table), high * table)


def _towards(before: float, measured: float) -> float:
    if not before:
        return measured
    low, high = BOUNDS
    return before + LEARN * (min(max(measured, low * before), high * before) - before)


def rate(one: Carried, known: QueueState, host_pace: float) -> float:
    """Jobs per second of one process that works on nothing else."""
    cost = JOBS[one.queue]
    seconds = known.seconds or cost.seconds
    processor = known.processor_seconds or cost.processor_seconds / host_pace
    return min(one.plan.threads / seconds, BUSY_LIMIT / processor)


def cores(one: Carried, known: QueueState, host_pace: float) -> float:
    """Processor cores that one process uses with every thread at work: little, where its jobs wait."""
    processor = known.processor_seconds or JOBS[one.queue].processor_seconds / host_pace
    return rate(one, known, host_pace) * processor


def arriving_soon(known: QueueState, boot_seconds: float) -> float:
    """Jobs per second that come by the time a new process works: the last minute and its short trend."""
    minute = mean(known.arriving, 60)
    now = max(minute, mean(known.arriving, 20))
    rising = max(0.0, minute - mean(known.arriving, 300)) / TREND_SECONDS * boot_seconds
    return min(now + rising, SPIKE * minute)
