"""Why each derived size is what it is, in one sentence with its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from instancectl.core import budget, footprint
from instancectl.core.config import InstanceConfig
from instancectl.core.ladder import THREADS
from instancectl.core.sizes import BASE, COMPUTING, Layout, Machine, Reason, Room, SidekiqPlan
from instancectl.core.units import MB, MIB, show_mib

_EXPLICIT = "set in the file"


def reasons(
    config: InstanceConfig, machine: Machine, layout: Layout, others: Sequence[Room] = ()
) -> tuple[Reason, ...]:
    """One reason per derived key of `instance.toml`, in the order of the file."""
    return (
        *_layout(config, machine, layout, others),
        *_web(config, machine, layout),
        *_streaming(config, layout),
        *(reason for plan in layout.sidekiq for reason in _sidekiq(config, machine, plan)),
        *_absent(layout),
        *_database(config, machine, layout),
        *_redis(config, machine, layout),
        *_machine(config, machine, layout, others),
    )


def _layout(
    config: InstanceConfig, machine: Machine, layout: Layout, others: Sequence[Room]
) -> Iterator[Reason]:
    seen = f"{show_mib(machine.memory_bytes)} and {machine.cores} cores"
    for room in others:
        seen += f", with {show_mib(room.memory_bytes)} and {room.cores} cores on `{room.name}`"
    wanted = config.instance.layout
    if wanted in ("auto", layout.name):
        sentence = f"`{layout.name}` is the largest layout that {seen} carry"
    else:
        sentence = f"`{wanted}` was asked for, but {seen} carry only `{layout.name}`"
    if wanted == layout.name:
        sentence = f"`{layout.name}` was asked for, and {seen} carry it"
    yield Reason("instance.layout", layout.name, sentence)


def _web(config: InstanceConfig, machine: Machine, layout: Layout) -> Iterator[Reason]:
    web, explicit = layout.web, config.services.web
    why = (
        "a second one answers while one fails"
        if web.replicas > 1
        else "one is enough: processes share its memory"
    )
    yield _reason("services.web.replicas", web.replicas, explicit.replicas, why)
    total = web.replicas * web.processes
    bound = "" if total < machine.cores else ", as many as there are cores"
    limit = (
        f"{total} processes in all{bound}; a replica needs 138 MB + {web.processes} × 262 MB when loaded "
        f"and may take {show_mib(web.memory_bytes)}"
    )
    yield _reason("services.web.processes", web.processes, explicit.processes, limit)
    yield _reason(
        "services.web.threads", web.threads, explicit.threads, "upstream's default; more wait for each other"
    )


def _streaming(config: InstanceConfig, layout: Layout) -> Iterator[Reason]:
    plan = layout.streaming
    sentence = (
        f"each uses up to 125 MB before sockets, may take {show_mib(plan.memory_bytes)} "
        f"and keeps a pool of {plan.db_pool} database connections"
    )
    yield _reason("services.streaming.replicas", plan.replicas, config.services.streaming.replicas, sentence)


def _sidekiq(config: InstanceConfig, machine: Machine, plan: SidekiqPlan) -> Iterator[Reason]:
    explicit = getattr(config.services, plan.service.replace("-", "_"))
    queues = ", ".join(plan.queues)
    needs = f"{footprint.sidekiq_loaded(plan.threads) // MB} MB"
    limit = f"one needs {needs}, may take {show_mib(plan.memory_bytes)}"
    if plan.service == BASE:
        count = f"always one, it alone carries `scheduler`; works on {queues}; {limit}"
    elif plan.service in COMPUTING:
        count = f"{queues}: jobs compute, so processes up to the {machine.cores} cores; {limit}"
    else:
        count = f"{queues}: jobs wait on the network, so threads rather than processes; {limit}"
    yield _reason(f"services.{plan.service}.replicas", plan.replicas, explicit.replicas, count)
    yield _reason(f"services.{plan.service}.threads", plan.threads, explicit.threads, _threads(plan))


def _absent(layout: Layout) -> Iterator[Reason]:
    """Services the layout does without, and who does their work."""
    carried = {queue: plan.service for plan in layout.sidekiq for queue in plan.queues}
    present = {plan.service for plan in layout.sidekiq}
    for service in THREADS:
        if service not in present:
            queue = service.removeprefix("sidekiq-")
            why = f"`{layout.name}` has no process of its own for {queue}: `{carried[queue]}` works on it"
            yield Reason(f"services.{service}.replicas", "0", why)


def _threads(plan: SidekiqPlan) -> str:
    if plan.service in COMPUTING and plan.threads > 5:
        return "one process for everything: between 5 for jobs that compute and 25 for jobs that wait"
    if plan.service in COMPUTING:
        return "90 feed inserts a second with 5 threads, 57 with 10: more wait for the interpreter"
    if plan.service == "sidekiq-mailers":
        return "at 0.3 s a mail 30 a second, more than providers accept"
    return "25 threads deliver 80 jobs a second to peers that answer after 0.3 s, 50 no more"


def _database(config: InstanceConfig, machine: Machine, layout: Layout) -> Iterator[Reason]:
    sum_ = budget.connections(layout)
    if layout.pgbouncer:
        clients = sum(line.amount for line in budget.client_lines(layout))
        sentence = (
            f"{clients} connections of services share a pool of {layout.pgbouncer.pool_size}: "
            "two per computing process, one per three waiting threads"
        )
        value = "on"
    else:
        sentence, value = f"{sum_.total} connections need no pooling (from about 200 on they do)", "off"
    yield _reason("database.pgbouncer", value, config.database.pgbouncer in ("on", "off"), sentence)
    yield _reason(
        "database.max_connections",
        layout.db.max_connections,
        config.database.max_connections,
        sum_.arithmetic,
    )
    formula = f"15 % of the first 2 GiB and 30 % of the rest of {show_mib(machine.memory_bytes)}"
    if layout.db.memory_bytes < footprint.database_share(machine.memory_bytes) // MIB * MIB:
        formula += ", less what the other services need on so small a machine"
    yield _reason("database.memory_mib", layout.db.memory_bytes // MIB, config.database.memory_mib, formula)


def _redis(config: InstanceConfig, machine: Machine, layout: Layout) -> Iterator[Reason]:
    formula = (
        f"5 % of the first 2 GiB and 8 % of the rest of {show_mib(machine.memory_bytes)}, 80 MiB at least; "
        f"data may fill {show_mib(layout.redis.maxmemory_bytes)} (60 %), rewriting the log needs the rest"
    )
    yield _reason("redis.memory_mib", layout.redis.memory_bytes // MIB, config.redis.memory_mib, formula)


def _machine(
    config: InstanceConfig, machine: Machine, layout: Layout, others: Sequence[Room]
) -> Iterator[Reason]:
    arithmetic = budget.memory(layout, machine, others).arithmetic
    yield _reason("machine.memory_mib", machine.memory_bytes // MIB, config.machine.memory_mib, arithmetic)
    yield _reason("machine.cores", machine.cores, config.machine.cores, "as measured")


def _reason(key: str, value: int | str, explicit: object, sentence: str) -> Reason:
    return Reason(key, str(value), f"{_EXPLICIT}; {sentence}" if explicit else sentence)
