"""Shares replicas out among several hosts, and says what each of them would carry.

Swarm spreads a service evenly over the hosts it may run on. So that no host gets more than it has room
for, each service has a most per host, and avoids hosts that have no room for their share. `sidekiq-…` may
leave the host with the data altogether: the base `sidekiq` works on every queue, should the others be gone.
Everything that may leave does so where an admin kept that host for the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instancectl.core import footprint
from instancectl.core.sizes import BASE, WATCHING, Home, Layout, Machine, Room, Share
from instancectl.core.units import show_mib

HERE = "this host"


@dataclass(frozen=True, slots=True)
class Load:
    """What one host would carry, in bytes; `parts` are (label, amount)."""

    host: str
    parts: tuple[tuple[str, int], ...]
    limit: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return sum(amount for _, amount in self.parts)

    @property
    def fits(self) -> bool:
        """Whether the host has room for it."""
        return self.total <= self.limit

    @property
    def arithmetic(self) -> str:
        """The sum in one sentence."""
        sums = " + ".join(f"{label} {show_mib(amount)}" for label, amount in self.parts if amount)
        return (
            f"{self.host}: {sums} = {show_mib(self.total)} {'≤' if self.fits else '>'} {show_mib(self.limit)}"
        )


@dataclass(frozen=True, slots=True)
class Sharing:
    """Shares of the services that may leave the host with the data, and the load of every host."""

    shares: tuple[Share, ...]
    loads: tuple[Load, ...]

    @property
    def fits(self) -> bool:
        """Whether every host has room for its part."""
        return all(load.fits for load in self.loads)


@dataclass(frozen=True, slots=True)
class _Movable:
    service: str
    role: str
    replicas: int
    memory_bytes: int


def share_out(layout: Layout, machine: Machine, others: Sequence[Room]) -> Sharing:
    """Share a layout out among the host with the data and the others.

    A host that is too full gives away what frees most, one service after the other.
    """
    movable = _movable(layout)
    hosts = (HERE, *(room.name for room in others))
    excluded: set[tuple[str, str]] = set()
    while True:
        placed = [_Placed(one, _hosts(one, hosts, others, excluded)) for one in movable]
        loads = _loads(layout, machine, others, placed)
        given = next((away for load in (*loads[1:], loads[0]) if (away := _given_away(load, placed))), None)
        if given is None:
            return Sharing(tuple(_share(one, others) for one in placed), loads)
        excluded.add(given)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A movable service and the hosts that may run it."""

    one: _Movable
    hosts: tuple[str, ...]

    @property
    def most_per_host(self) -> int:
        """Swarm spreads evenly."""
        return -(-self.one.replicas // len(self.hosts))

    @property
    def bytes_per_host(self) -> int:
        """The most that one host carries of it."""
        return self.most_per_host * self.one.memory_bytes


def _movable(layout: Layout) -> tuple[_Movable, ...]:
    web, streaming = layout.web, layout.streaming
    return (
        _Movable("web", "web", web.replicas, web.memory_bytes),
        _Movable("streaming", "web", streaming.replicas, streaming.memory_bytes),
        *(
            _Movable(plan.service, "workers", plan.replicas, plan.memory_bytes)
            for plan in layout.sidekiq
            if plan.service != BASE
        ),
    )


def _hosts(
    one: _Movable, hosts: Sequence[str], others: Sequence[Room], excluded: set[tuple[str, str]]
) -> tuple[str, ...]:
    able = {room.name for room in others if one.role in room.roles}
    if not able or one.role in home_of(others).roles:
        able.add(HERE)
    return tuple(host for host in hosts if host in able and (one.service, host) not in excluded)


def home_of(others: Sequence[Room]) -> Home:
    """The host with the data, as the others know it."""
    return next((room.home for room in others), Home())


def cores_for(role: str, here: int, others: Sequence[Room]) -> int:
    """Cores of the hosts that may run what follows a role; `here` are those of the host with the data."""
    able = [room.cores for room in others if role in room.roles]
    return sum(able) + (here if not able or role in home_of(others).roles else 0)


def _given_away(load: Load, placed: Sequence[_Placed]) -> tuple[str, str] | None:
    """The service that a full host gives away; `web` and `streaming` never leave the host with the data."""
    if load.fits:
        return None
    able = [
        (each.bytes_per_host, each.one.service)
        for each in placed
        if load.host in each.hosts
        and len(each.hosts) > 1
        and (load.host != HERE or each.one.role == "workers")
    ]
    return (max(able)[1], load.host) if able else None


def _share(placed: _Placed, others: Sequence[Room]) -> Share:
    one = placed.one
    avoided = tuple(room.name for room in others if one.role in room.roles and room.name not in placed.hosts)
    return Share(
        one.service,
        one.role,
        len(placed.hosts),
        placed.most_per_host,
        elsewhere=HERE not in placed.hosts,
        avoided=avoided,
    )


def _loads(
    layout: Layout, machine: Machine, others: Sequence[Room], placed: Sequence[_Placed]
) -> tuple[Load, ...]:
    apart = layout.monitoring.apart if layout.monitoring else None
    names = {each.one.service for each in placed} | (WATCHING if apart else set())
    staying = sum(amount for name, amount in service_amounts(layout) if name not in names)
    here = (("what stays with the data", staying), *_parts(HERE, placed))
    return (
        _load(HERE, machine.memory_bytes, here),
        *(
            _load(room.name, room.memory_bytes, (*_parts(room.name, placed), *_watching(layout, room)))
            for room in others
        ),
    )


def _watching(layout: Layout, room: Room) -> tuple[tuple[str, int], ...]:
    plan = layout.monitoring
    here = plan and plan.apart and plan.apart.name == room.name
    return (("monitoring", plan.total_bytes),) if plan and here else ()


def _load(host: str, limit: int, parts: tuple[tuple[str, int], ...]) -> Load:
    return Load(host, (("system", footprint.system_reserve(limit)), *parts), limit)


def _parts(host: str, placed: Sequence[_Placed]) -> tuple[tuple[str, int], ...]:
    return tuple(
        (f"{each.most_per_host} × {each.one.service}", each.bytes_per_host)
        for each in placed
        if host in each.hosts
    )


def service_amounts(layout: Layout) -> tuple[tuple[str, int], ...]:
    """Service → limit times replicas, bytes."""
    return tuple((name, count * each) for name, count, each in service_sizes(layout))


def service_sizes(layout: Layout) -> tuple[tuple[str, int, int], ...]:
    """Service, replicas, and the limit of one in bytes."""
    web, streaming, edge = layout.web, layout.streaming, layout.edge
    sized = [
        ("web", web.replicas, web.memory_bytes),
        ("streaming", streaming.replicas, streaming.memory_bytes),
        *((plan.service, plan.replicas, plan.memory_bytes) for plan in layout.sidekiq),
        ("db", 1, layout.db.memory_bytes),
        ("redis", 1, layout.redis.memory_bytes),
        ("proxy", 1, edge.proxy_memory_bytes),
        ("cache", edge.cache_replicas, edge.cache_memory_bytes),
    ]
    if layout.pgbouncer:
        sized.append(("pgbouncer", 1, layout.pgbouncer.memory_bytes))
    if layout.db.receiver_memory_bytes:
        sized.append(("wal", 1, layout.db.receiver_memory_bytes))
    if edge.mail_memory_bytes:
        sized.append(("mail", 1, edge.mail_memory_bytes))
    if layout.monitoring:
        sized.append(("prometheus", 1, layout.monitoring.prometheus_memory_bytes))
        sized.append(("alertmanager", 1, layout.monitoring.alertmanager_memory_bytes))
    return tuple(sized)


def with_shares(layout: Layout, machine: Machine, others: Sequence[Room]) -> Layout:
    """The layout with its shares; none while there is one host."""
    if not others:
        return layout
    shares = share_out(layout, machine, others).shares
    return replace(layout, shares=shares, home_roles=home_of(others).roles)
