"""Configuration and machine → the sizes of every service, with reasons; within memory and connections.

The formulas are explained in docs/explanation/layouts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from instancectl.core import budget, footprint
from instancectl.core.config import InstanceConfig, Services, SidekiqService
from instancectl.core.host.sharing import cores_for, with_shares
from instancectl.core.ladder import THREADS, Shape, highest_name, ladder
from instancectl.core.layout_reasons import reasons
from instancectl.core.postgres_settings import postgres_settings, shared_memory
from instancectl.core.sizes import (
    BASE,
    COMPUTING,
    QUEUES,
    SERVING,
    WATCHING,
    WEIGHTS,
    EdgePlan,
    Layout,
    Machine,
    MonitoringPlan,
    PgBouncerPlan,
    PostgresPlan,
    Reason,
    RedisPlan,
    Room,
    SidekiqPlan,
    StreamingPlan,
    WebPlan,
)
from instancectl.core.units import MIB
from instancectl.errors import Refused

__all__ = [
    "EdgePlan", "Layout", "Machine", "PgBouncerPlan", "PostgresPlan", "Reason", "RedisPlan", "Room",
    "SidekiqPlan", "StreamingPlan", "WebPlan", "derive", "planned_machine", "usable",
]  # fmt: skip

ROUNDING: Final = 32 * MIB  # a kernel update changes the reported memory a little; sizes must not follow
HEADROOM_WANTED: Final = 125  # percent of the measured footprint that a limit allows
HEADROOM_LEAST: Final = 100  # on the lowest rung, where swap takes what exceeds
HEADROOM_MOST: Final = 175
HEADROOM_STEP: Final = 5
DATABASE_LEAST: Final = 128 * MIB
DIRECT_LIMIT: Final = 200  # connections above which PgBouncer pays
SCALING_PERCENT: Final = 125  # max_connections leaves a quarter for scaling
MAX_CONNECTIONS_LEAST: Final = 100  # PostgreSQL's default
POOL_LEAST: Final = 10
REDIS_PERCENT: Final = 60  # of its limit; the rest is for the copy that a rewrite of the log makes
BY_URGENCY: Final = ("mailers", "default", "ingress", "push", "pull", "fasp")
EMERGENCY: Final = 10  # a queue with a service of its own is asked this many times less by the base process


def planned_machine(config: InstanceConfig, machine: Machine) -> Machine:
    """What `[machine]` says, else what was measured, rounded down to 32 MiB; one core at least."""
    memory = config.machine.memory_mib * MIB or machine.memory_bytes
    return Machine(memory // ROUNDING * ROUNDING, max(1, config.machine.cores or machine.cores))


def derive(config: InstanceConfig, machine: Machine, others: Sequence[Room] = ()) -> Layout:
    """The highest rung of the ladder that fits, with explicit sizes put in.

    A machine below the lowest rung still gets that rung: `check` judges whether it is enough.

    Args:
        config: what the admin wrote.
        machine: the host with the data.
        others: further hosts; they count for what may run there.

    Raises:
        Refused: explicit sizes exceed memory or connections; the message holds the arithmetic.
    """
    planned = planned_machine(config, machine)
    others = usable(config, others)
    layout = _highest(config, planned, others)
    _refuse_excess(config, planned, others, layout)
    layout = with_shares(layout, planned, others)
    return replace(layout, reasons=reasons(config, planned, layout, others))


def usable(config: InstanceConfig, others: Sequence[Room]) -> tuple[Room, ...]:
    """The other hosts with what they may carry: nothing that sees media while those are on one disk."""
    if config.media.storage == "s3":
        return tuple(others)
    return tuple(replace(room, roles=room.roles - SERVING) for room in others)


def _highest(config: InstanceConfig, machine: Machine, others: Sequence[Room]) -> Layout:
    cores = cores_for("workers", machine.cores, others)
    memory = machine.memory_bytes + sum(room.memory_bytes for room in others if room.roles & SERVING)
    upto = highest_name(config.instance.layout, Machine(memory, cores))
    web_cores = cores_for("web", machine.cores, others)
    shapes = (_explicit(shape, config.services) for shape in ladder(cores, upto, web_cores))
    chosen = _sized(next(shapes), config, machine, others)
    for shape in shapes:
        layout = _sized(shape, config, machine, others)
        if not _fits(_limited(layout, HEADROOM_WANTED, machine), machine, others):
            break
        chosen = layout
    return _stretched(chosen, machine, others)


def _stretched(layout: Layout, machine: Machine, others: Sequence[Room]) -> Layout:
    """The layout with what is left given to the limits, in steps, up to 175 % of the footprint."""
    for percent in range(HEADROOM_MOST, HEADROOM_LEAST, -HEADROOM_STEP):
        stretched = _limited(layout, percent, machine)
        if _fits(stretched, machine, others):
            return stretched
    return _limited(layout, HEADROOM_LEAST, machine)


def _fits(layout: Layout, machine: Machine, others: Sequence[Room]) -> bool:
    memory = budget.memory(layout, machine, others)
    roomy = memory.lines[-1].amount >= budget.update_room(layout)
    return memory.fits and roomy and _connections_fit(layout)


def _connections_fit(layout: Layout) -> bool:
    pooled = layout.pgbouncer is None or layout.pgbouncer.pool_size >= POOL_LEAST
    return budget.connections(layout).fits and pooled


def _refuse_excess(config: InstanceConfig, machine: Machine, others: Sequence[Room], layout: Layout) -> None:
    """Refuse what explicit values broke; what the machine alone breaks is a finding of `check`."""
    demanded = budget.connections(layout)
    if not _connections_fit(layout):
        raise Refused(
            f"the services need more connections than `database.max_connections`: {demanded.arithmetic}",
            hint='raise `database.max_connections`, set `database.pgbouncer = "on"`, or lower `[services]`',
            subject="database.max_connections",
        )
    memory = budget.memory(layout, machine, others)
    if memory.fits:
        return
    derived = _highest(_without_sizes(config), machine, others)
    if memory.total > budget.memory(derived, machine, others).total:
        raise Refused(
            f"the explicit sizes need more memory than there is: {memory.arithmetic}",
            hint="lower what `[services]`, `[database]`, `[redis]` or `[proxy]` ask for; "
            "`instancectl config explain` shows what this machine carries, "
            "`instancectl host add` brings another",
            subject="machine.memory_mib",
        )


def _without_sizes(config: InstanceConfig) -> InstanceConfig:
    return config.model_copy(
        update={
            "services": Services(),
            "database": config.database.model_copy(update={"memory_mib": 0, "max_connections": 0}),
            "redis": config.redis.model_copy(update={"memory_mib": 0}),
            "proxy": config.proxy.model_copy(update={"replicas": 1}),
        }
    )


def _explicit(shape: Shape, services: Services) -> Shape:
    """The shape with explicit sizes in place of its own."""
    web = services.web
    shape = replace(
        shape,
        web_replicas=web.replicas or shape.web_replicas,
        web_processes=web.processes or shape.web_processes,
        web_threads=web.threads or shape.web_threads,
        streaming_replicas=services.streaming.replicas or shape.streaming_replicas,
    )
    for service, threads in THREADS.items():
        wanted: SidekiqService = getattr(services, service.replace("-", "_"))
        present = next(
            ((count, width) for name, count, width in shape.sidekiq if name == service), (0, threads)
        )
        if wanted.replicas or present[0]:
            shape = shape.with_service(service, wanted.replicas or present[0], wanted.threads or present[1])
    return shape


def _sized(shape: Shape, config: InstanceConfig, machine: Machine, others: Sequence[Room]) -> Layout:
    """The shape with everything but the limits of what scales: those follow from what is left."""
    total = machine.memory_bytes
    edge = EdgePlan(
        proxy_memory_bytes=_whole(footprint.proxy_share(total)),
        cache_memory_bytes=_whole(footprint.cache_share(total)),
        cache_replicas=config.proxy.replicas,
        mail_memory_bytes=footprint.MAIL_CATCHER if config.mail.mode == "catch" else 0,
    )
    redis = _whole(config.redis.memory_mib * MIB or footprint.redis_share(total))
    layout = Layout(
        name=shape.name,
        web=WebPlan(shape.web_replicas, shape.web_processes, shape.web_threads, 0),
        streaming=StreamingPlan(shape.streaming_replicas, shape.streaming_pool, 0),
        sidekiq=_sidekiq(shape),
        db=PostgresPlan(MAX_CONNECTIONS_LEAST, 0, (), 0, _receiver(config)),
        redis=RedisPlan(redis, redis * REDIS_PERCENT // 100),
        pgbouncer=None,
        edge=edge,
        monitoring=_monitoring(config, others),
    )
    return _with_database(_connected(layout, config), config, machine, others)


def _receiver(config: InstanceConfig) -> int:
    return footprint.WAL_RECEIVER if config.backup.point_in_time else 0


def _monitoring(config: InstanceConfig, others: Sequence[Room]) -> MonitoringPlan | None:
    """Both run on one host: one that watches must see when the one with the data does not answer."""
    if not config.monitoring.enabled:
        return None
    plan = MonitoringPlan(footprint.PROMETHEUS, footprint.ALERTMANAGER)
    able = [
        room
        for room in others
        if "monitoring" in room.roles
        and room.memory_bytes >= plan.total_bytes + footprint.system_reserve(room.memory_bytes)
    ]
    return replace(plan, apart=min(able, key=lambda room: room.name, default=None))


def _sidekiq(shape: Shape) -> tuple[SidekiqPlan, ...]:
    names = {name for name, _, _ in shape.sidekiq}
    return tuple(
        SidekiqPlan(name, queues, _weights(name, queues, names), replicas, threads, 0)
        for name, replicas, threads in shape.sidekiq
        for queues in [_queues(name, names)]
    )


def _queues(service: str, services: set[str]) -> tuple[str, ...]:
    """Queues without a service of their own ride with the nearest one that waits or computes like them."""
    if service == BASE:
        return QUEUES
    own = service.removeprefix("sidekiq-")
    carried = {own}
    if service == "sidekiq-default" and "sidekiq-ingress" not in services:
        carried.add("ingress")
    if service == "sidekiq-push":
        carried |= {queue for queue in ("mailers", "pull") if f"sidekiq-{queue}" not in services}
    if "pull" in carried:
        carried.add("fasp")
    return tuple(queue for queue in BY_URGENCY if queue in carried)


def _weights(service: str, queues: tuple[str, ...], services: set[str]) -> tuple[int, ...]:
    """Upstream's weights; the base process asks queues that others carry only when idle or by chance."""
    if service == BASE:
        elsewhere = {queue for name in services - COMPUTING for queue in _queues(name, services)}
        return tuple(
            WEIGHTS[queue] if queue in elsewhere or not elsewhere else WEIGHTS[queue] * EMERGENCY
            for queue in queues
        )
    # A confirmation mail that waits locks a new user out: mailers come first where they share threads.
    return tuple(WEIGHTS["default"] * 2 if queue == "mailers" else WEIGHTS[queue] for queue in queues)


def _connected(layout: Layout, config: InstanceConfig) -> Layout:
    """Decide on PgBouncer and `max_connections`."""
    wanted, limit = config.database.pgbouncer, config.database.max_connections
    need = budget.connections(layout).total
    direct = max(limit or _rounded(need * SCALING_PERCENT // 100), 0 if limit else MAX_CONNECTIONS_LEAST)
    crowded = need > DIRECT_LIMIT or (limit and need > limit)
    if wanted == "off" or (wanted == "auto" and not crowded):
        return replace(layout, db=replace(layout.db, max_connections=direct))
    clients = sum(line.amount for line in budget.client_lines(layout))
    others = need - clients
    pool = pool_size(layout)
    if limit:
        pool = min(pool, limit - others)
    bouncer = PgBouncerPlan(pool, _rounded(clients * 3 // 2, to=100), footprint.PGBOUNCER)
    connections = limit or max(MAX_CONNECTIONS_LEAST, _rounded(pool + others))
    return replace(layout, pgbouncer=bouncer, db=replace(layout.db, max_connections=connections))


def pool_size(layout: Layout) -> int:
    """Connections PgBouncer needs: two per computing process, one per three waiting threads.

    Measured: 25 delivering threads reach their full 79 jobs/s through a pool of 8.
    """
    computing = layout.web.processes * (layout.web.replicas + 1)
    computing += sum(plan.replicas for plan in layout.sidekiq if plan.service in COMPUTING)
    waiting = sum(plan.replicas * plan.threads for plan in layout.sidekiq if plan.service not in COMPUTING)
    return max(20, _rounded(2 * computing + -(-waiting // 3)))


def _with_database(
    layout: Layout, config: InstanceConfig, machine: Machine, others: Sequence[Room]
) -> Layout:
    """PostgreSQL's share, or what the lowest rung leaves of it on a machine below 2 GiB.

    Workers that may run on another host do not take it away.
    """
    total = machine.memory_bytes
    bare = _limited(layout, HEADROOM_LEAST, machine)
    roomy = any("workers" in room.roles for room in others)
    leaving = {plan.service for plan in layout.sidekiq if plan.service != BASE} if roomy else set()
    leaving |= WATCHING if layout.monitoring and layout.monitoring.apart else set()
    beside = sum(line.amount for line in budget.service_memory(bare) if line.label not in leaving)
    left = total - footprint.system_reserve(total) - beside
    share = max(DATABASE_LEAST, min(footprint.database_share(total), left))
    memory = _whole(config.database.memory_mib * MIB or share)
    db = replace(
        layout.db,
        memory_bytes=memory,
        settings=postgres_settings(memory, layout.db.max_connections, machine.cores),
        shm_bytes=shared_memory(memory),
    )
    return replace(layout, db=db)


def _limited(layout: Layout, percent: int, machine: Machine) -> Layout:
    """The layout with memory limits of `percent` of each measured footprint."""
    web = _whole(footprint.web_loaded(layout.web.processes) * percent // 100)
    streaming = footprint.STREAMING_LOADED + footprint.streaming_sockets(machine.memory_bytes)
    return replace(
        layout,
        web=replace(layout.web, memory_bytes=web),
        streaming=replace(layout.streaming, memory_bytes=_whole(streaming * percent // 100)),
        sidekiq=tuple(
            replace(plan, memory_bytes=_whole(footprint.sidekiq_loaded(plan.threads) * percent // 100))
            for plan in layout.sidekiq
        ),
    )


def _whole(amount: int) -> int:
    return amount // MIB * MIB


def _rounded(count: int, *, to: int = 10) -> int:
    return -(-count // to) * to
