"""The one budget that all services share: connections, memory, processor; and what it still allows.

The same arithmetic as for the configuration (`core/budget.py`), with two differences. A process
counts with its measured footprint and not with its limit, because limits are given all that is
left. And an update has room for one replica of the configured size, of one service at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from instancectl.core import budget, footprint
from instancectl.core.budget import Budget, Line
from instancectl.core.scaling import hosts as spread
from instancectl.core.scaling.hosts import MEMORY_KEPT
from instancectl.core.scaling.sample import DatabaseSample, HostSample
from instancectl.core.scaling.settings import Policy
from instancectl.core.sizes import Layout
from instancectl.core.units import show_mib

FULL: Final = 0.92  # share of the processor from which more processes only cost
OPEN_LIMIT: Final = 0.95  # of the connections that PostgreSQL accepts


@dataclass(frozen=True, slots=True)
class Room:
    """What there is, measured and planned, and what already takes part of it.

    Attributes:
        counts: processes of each Sidekiq service that hold memory and connections: running,
            starting and draining ones.
        web: Puma processes, running and starting.
        starting: processes that hold no memory yet, but will.
        used: share of the processor, mean of the last samples.
    """

    policy: Policy
    counts: Mapping[str, int]
    web: int
    starting: Mapping[str, int]
    hosts: tuple[HostSample, ...]
    database: DatabaseSample
    used: float

    @property
    def crowded(self) -> bool:
        """Whether the processor is as good as full."""
        return self.used > FULL

    def layout(self, service: str = "", more: int = 0) -> Layout:
        """The layout with the processes that run, and `more` of one service, each at its footprint."""
        layout = self.policy.layout
        processes = -(-(self.web + (more if service == "web" else 0)) // layout.web.replicas)
        web = replace(layout.web, processes=processes, memory_bytes=footprint.web_loaded(processes))
        return replace(
            layout,
            web=web,
            sidekiq=tuple(
                replace(
                    plan,
                    replicas=self.counts.get(plan.service, plan.replicas)
                    + (more if plan.service == service else 0),
                    memory_bytes=footprint.sidekiq_loaded(plan.threads),
                )
                for plan in layout.sidekiq
            ),
        )

    def refusal(self, service: str) -> str:
        """Why there is no room for one more process of `service`; empty when there is."""
        layout = self.layout(service, 1)
        connections = self._connections(layout)
        if not connections.fits:
            return f"connections: {connections.arithmetic}"
        if self.database.waiting:
            return f"connections: {self.database.waiting} clients wait in PgBouncer"
        if (limit := self.database.max_connections * OPEN_LIMIT) <= self.database.open:
            return f"connections: {self.database.open} are open, {limit:.0f} is the most"
        memory = budget.memory(layout, self.policy.machine)
        if not memory.fits:
            return f"memory: {memory.arithmetic}"
        return self._measured_memory(service, self.footprint(service))

    def refusal_of_move(self, service: str) -> str:
        """Why no host has room for one more replica until another one leaves; empty when one has."""
        if service not in {"web", "streaming"}:
            return self.refusal(service)
        if not (connections := self.connections()).fits:  # room for one replica that updates is in it
            return f"connections: {connections.arithmetic}"
        return spread.refusal(self.hosts, service, spread.size(self.policy.layout, service))

    def footprint(self, service: str) -> int:
        """Bytes of one process once it has worked for a while."""
        if service == "web":
            return footprint.WEB_PROCESS_LOADED
        return footprint.sidekiq_loaded(self.policy.plan(service).threads)

    def connections(self) -> Budget:
        """Connections as they are now."""
        return self._connections(self.layout())

    def _connections(self, layout: Layout) -> Budget:
        if layout.pgbouncer is not None:
            return _without_updates(budget.clients(layout), self.policy.layout)
        planned = _without_updates(budget.connections(layout), self.policy.layout)
        return replace(planned, limit=min(planned.limit, self.database.max_connections))

    def _measured_memory(self, service: str, wanted: int) -> str:
        if len(self.hosts) > 1:
            # Puma grows in place, and only where somebody of ours can tell it to.
            able = [host for host in self.hosts if host.measured or service != "web"]
            return spread.refusal(able, service, wanted)
        promised = sum(self.footprint(name) * count for name, count in self.starting.items())
        left = max(0, sum(spread.free(host) for host in self.hosts) - promised)
        if left >= wanted:
            return ""
        return f"memory: {show_mib(wanted)} needed, {show_mib(left)} free beside the {MEMORY_KEPT:.0%} kept"


def taken(room: Room, name: str) -> Room:
    """The room without what one more process of a service takes."""
    starting = {**room.starting, name: room.starting.get(name, 0) + 1}
    if len(room.hosts) > 1:
        room = replace(room, hosts=_hosts_with(room, name))
    if name == "web":
        return replace(room, web=room.web + 1, starting=starting)
    return replace(room, counts={**room.counts, name: room.counts.get(name, 0) + 1}, starting=starting)


def _hosts_with(room: Room, name: str) -> tuple[HostSample, ...]:
    wanted = room.footprint(name)
    if name != "web":
        return spread.taken(room.hosts, name, wanted)
    return tuple(
        replace(host, available_bytes=host.available_bytes - wanted) if host.measured else host
        for host in room.hosts
    )


def _without_updates(planned: Budget, configured: Layout) -> Budget:
    """One update at a time, of the size that is configured: a rolled replica starts with that."""
    web, streaming = configured.web, configured.streaming
    largest = max(web.processes * web.threads, streaming.db_pool)
    lines = tuple(line for line in planned.lines if not line.label.endswith(", updating"))
    return replace(planned, lines=(*lines, Line("update", largest, "one more replica while an update rolls")))
