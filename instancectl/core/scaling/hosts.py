"""The hosts of a Swarm as the policy sees them: what each carries, and what it has room for.

Nothing of ours runs on the other hosts. Their memory is reckoned: what they have, less their system, less
every replica of the stack there at its measured footprint. Their processor is what the threads that are
busy there use, as far as heartbeats tell. Where Swarm puts a replica follows from its own rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from instancectl.core import footprint
from instancectl.core.host.placement import allowed
from instancectl.core.monitoring.sidekiq import Process
from instancectl.core.monitoring.sight import Sight
from instancectl.core.observed import Node
from instancectl.core.scaling.sample import HostSample
from instancectl.core.scaling.work import BUSY_LIMIT, JOBS
from instancectl.core.sizes import Layout
from instancectl.core.units import show_mib

MEMORY_KEPT: Final = 0.10  # of each host, for caches and what was not foreseen
UNEVEN: Final = 2  # replicas more than on another host: from there on a move makes it more even


def seen(
    layout: Layout, sight: Sight, home: HostSample, working: Mapping[str, float]
) -> tuple[HostSample, ...]:
    """Every host that may have replicas now; `home` alone where there is no other.

    Args:
        layout: for the footprints.
        sight: nodes and replicas.
        home: this host, as measured.
        working: node → processor cores that jobs use there.
    """
    if len(sight.nodes) < 2:
        return (home,)
    found = []
    for node in sight.nodes:
        here = [one for one in sight.replicas if one.node_id == node.id]
        carries = Counter(one.service for one in here)
        serving = Counter(one.service for one in here if one.runs)
        accepts = frozenset(name for name, wanted in sight.places.items() if allowed(wanted, node))
        one = replace(home, name=node.name, carries=carries, serving=serving, accepts=accepts)
        if node.id == sight.home:
            coming = sum(size(layout, name) * count for name, count in (carries - serving).items())
            found.append(replace(one, available_bytes=home.available_bytes - coming))
        elif accepts:
            found.append(_reckoned(layout, node, working.get(node.id, 0.0), one))
    return tuple(found)


def _reckoned(layout: Layout, node: Node, cores: float, one: HostSample) -> HostSample:
    taken = sum(size(layout, name) * count for name, count in one.carries.items())
    return replace(
        one,
        cores=node.cores,
        used=min(1.0, cores / max(1, node.cores)),
        memory_bytes=node.memory_bytes,
        available_bytes=node.memory_bytes - footprint.system_reserve(node.memory_bytes) - taken,
        measured=False,
    )


def working(
    layout: Layout, sight: Sight, processes: Iterable[Process], web_cores: float | None
) -> dict[str, float]:
    """Node → processor cores that jobs and requests use there.

    Args:
        layout: which service works on which queue.
        sight: where each container is.
        processes: Sidekiq's heartbeats.
        web_cores: of all replicas of `web`; None when not measured.
    """
    replicas = {one.container_id[:12]: one for one in sight.replicas if one.container_id}
    shares = {plan.service: _share(plan.queues) for plan in layout.sidekiq}
    found: dict[str, float] = {}
    for process in processes:
        one = replicas.get(process.hostname)
        if one is not None:
            used = min(BUSY_LIMIT, process.busy * shares.get(one.service, 0.0))
            found[one.node_id] = found.get(one.node_id, 0.0) + used
    web = sight.of("web")
    for one in web:
        found[one.node_id] = found.get(one.node_id, 0.0) + (web_cores or 0.0) / len(web)
    return found


def _share(queues: Sequence[str]) -> float:
    """Cores that one busy thread uses, by the table of jobs; the queue that computes most counts."""
    costs = [JOBS[queue] for queue in queues if queue in JOBS]
    return max((cost.processor_seconds / cost.seconds for cost in costs), default=0.0)


def size(layout: Layout, service: str) -> int:
    """Bytes of one replica that has worked for a while; 0 for what does not leave the host with the data."""
    if service == "web":
        return footprint.web_loaded(layout.web.processes)
    if service == "streaming":
        return footprint.STREAMING_LOADED
    threads = (plan.threads for plan in layout.sidekiq if plan.service == service)
    return next((footprint.sidekiq_loaded(each) for each in threads), 0)


def free(host: HostSample) -> int:
    """Bytes that may be given away."""
    return host.available_bytes - int(MEMORY_KEPT * host.memory_bytes)


def chosen(hosts: Iterable[HostSample], service: str) -> HostSample | None:
    """Where Swarm puts the next replica: fewest of the service, then fewest of all; None: nowhere."""
    able = [host for host in hosts if host.may_run(service)]
    return min(able, key=lambda one: _order(one, service), default=None)


def _order(host: HostSample, service: str) -> tuple[int, int, str]:
    return host.carries.get(service, 0), sum(host.carries.values()), host.name


def refusal(hosts: Iterable[HostSample], service: str, wanted: int) -> str:
    """Why no host gets one more replica of so many bytes; empty when one does."""
    able = [host for host in hosts if host.may_run(service)]
    place = chosen(able, service)
    if place is None:
        return f"memory: no host that answers may run `{service}`"
    if free(place) >= wanted:
        return ""
    roomy = [host for host in able if free(host) >= wanted]
    needed = f"memory: {show_mib(wanted)} needed"
    if not roomy:
        return f"{needed}, and no host has so much free beside the {MEMORY_KEPT:.0%} kept: {named(able)}"
    return (
        f"{needed}; Swarm spreads evenly and would choose {named([place])}; there is room on "
        f"{named(roomy)}, which may have `{service}` alone: see the roles of `instancectl host add`"
    )


def taken(hosts: Iterable[HostSample], service: str, wanted: int) -> tuple[HostSample, ...]:
    """The hosts with one more replica, where Swarm puts it."""
    known = tuple(hosts)
    place = chosen(known, service)
    return tuple(
        replace(
            host,
            available_bytes=host.available_bytes - wanted,
            carries={**host.carries, service: host.carries.get(service, 0) + 1},
        )
        if host is place
        else host
        for host in known
    )


def named(hosts: Iterable[HostSample]) -> str:
    """`one` (1.2 GiB free), `two` (800 MiB free)."""
    return ", ".join(f"`{host.name}` ({show_mib(max(0, free(host)))} free)" for host in hosts)


def landed(before: Iterable[HostSample], after: Iterable[HostSample], service: str) -> str:
    """Where replicas go that were added in between, as the end of a sentence; empty with one host."""
    had = {host.name: host for host in before}
    more = [
        had[host.name]
        for host in after
        if host.carries.get(service, 0) > had[host.name].carries.get(service, 0)
    ]
    return f"; room is on {named(more)}" if len(had) > 1 and more else ""


@dataclass(frozen=True, slots=True)
class Uneven:
    """A service of which one host carries at least two replicas more than another that may run it.

    `crowding` is the sum of the squares of its replicas on each host: every useful move makes it smaller.
    """

    service: str
    source: HostSample
    target: HostSample
    replicas: int
    crowding: int

    @property
    def sentence(self) -> str:
        """Where a replica goes, and why."""
        there, here = (one.carries.get(self.service, 0) for one in (self.source, self.target))
        return (
            f"one of {there} replicas goes from `{self.source.name}` to {named([self.target])}, "
            f"which has {here}"
        )


def uneven(hosts: Sequence[HostSample], service: str) -> Uneven | None:
    """Whether a move would spread the service more evenly; None while one of its replicas does not work."""
    able = [host for host in hosts if host.may_run(service)]
    carried = sum(host.carries.get(service, 0) for host in hosts)
    place = chosen(able, service)
    if place is None or carried != sum(host.serving.get(service, 0) for host in hosts):
        return None
    fullest = max(able, key=lambda one: _order(one, service))
    gap = fullest.carries.get(service, 0) - place.carries.get(service, 0)
    crowding = sum(host.carries.get(service, 0) ** 2 for host in hosts)
    return Uneven(service, fullest, place, carried, crowding) if gap >= UNEVEN else None
