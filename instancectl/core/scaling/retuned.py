"""Services whose threads change, one replica after the other: each new one works before an old one leaves.

A deploy stops old Sidekiq processes first, because those of an older release fail on new classes of jobs.
Where only threads and memory change, the release stays, so this may go the other way round.
"""

from __future__ import annotations

from dataclasses import replace

from instancectl.core.mastodon_env import tunables
from instancectl.core.observed import Observed
from instancectl.core.service import ServiceSpec
from instancectl.core.sizes import BASE, Layout


def due(observed: Observed, layout: Layout) -> tuple[ServiceSpec, ...]:
    """The specs that differ in threads, with nothing else changed; never the base process: there is one."""
    found = []
    for plan in layout.sidekiq:
        state = observed.services.get(plan.service)
        if plan.service == BASE or state is None:
            continue
        environment = {**dict(state.spec.environment), **tunables(plan.service, layout)}
        wanted = tuple(sorted(environment.items()))
        if wanted != state.spec.environment and state.spec.replicas:
            found.append(replace(state.spec, environment=wanted, memory_bytes=plan.memory_bytes))
    return tuple(found)


def overlapping(spec: ServiceSpec) -> ServiceSpec:
    """The spec while it is rolled out: new ones first, and room for one more on each host."""
    most = spec.max_replicas_per_node
    return replace(
        spec,
        update=replace(spec.update, order="start-first"),
        max_replicas_per_node=most + 1 if most else 0,
    )
