"""What the exporter shows of the last sample that was judged."""

from __future__ import annotations

from collections.abc import Iterator

from instancectl.core.monitoring import catalogue_scaling as metrics
from instancectl.core.monitoring.metric import Sample as Reading
from instancectl.core.scaling import chosen
from instancectl.core.scaling.sample import Sample
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import State
from instancectl.core.unknown import Unknown


def of(sample: Sample, policy: Policy, state: State) -> Iterator[Reading]:
    """Processes, what was ordered, and how near its objective everything is."""
    yield Reading(metrics.LAST_RUN, sample.at)
    yield Reading(metrics.LADDER, state.ladder.level)
    if not isinstance(sample.services, Unknown):
        for name, one in sample.services.items():
            if name in chosen.names(policy.layout):
                yield Reading(metrics.REPLICAS, one.replicas, (name,))
                yield Reading(metrics.DESIRED, one.replicas + one.starting, (name,))
                yield Reading(metrics.MAX_REPLICAS, policy.ceiling(name), (name,))
    if not isinstance(sample.web, Unknown):
        yield Reading(metrics.REPLICAS, sample.web.processes, ("web",))
        yield Reading(metrics.DESIRED, sample.web.processes + sample.web.starting, ("web",))
        yield Reading(metrics.MAX_REPLICAS, policy.ceiling("web"), ("web",))
    yield from _pressures(sample, policy)


def _pressures(sample: Sample, policy: Policy) -> Iterator[Reading]:
    if not isinstance(sample.queues, Unknown):
        for name, queue in sample.queues.items():
            if name in policy.objectives:
                yield Reading(metrics.PRESSURE, queue.latency_seconds / policy.objectives[name], (name,))
    if not isinstance(sample.web, Unknown):
        yield Reading(metrics.PRESSURE, sample.web.queue_seconds / policy.web_seconds, ("web",))
