"""Budgets: what a layout needs of memory and database connections, line by line.

Connections follow Mastodon's own pools (config/database.yml, streaming/database.js): web opens up
to processes x threads, Sidekiq one per thread, streaming DB_POOL per process; tootctl opens its
concurrency + 1 (lib/mastodon/cli/progress_helper.rb).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from instancectl.core import footprint
from instancectl.core.sizes import Layout, Machine
from instancectl.core.units import show_mib

ONE_SHOT_CONNECTIONS: Final = (
    11  # tootctl with its default concurrency 5 + 1, and a migration or runner with 5
)
BACKUP_CONNECTIONS: Final = 3  # pg_dump with two jobs
OWN_CONNECTIONS: Final = 4  # instancectl's checks and metrics
RESERVED_CONNECTIONS: Final = 3  # superuser_reserved_connections, PostgreSQL's default


@dataclass(frozen=True, slots=True)
class Line:
    """One summand: what it is, how much, and how that came about."""

    label: str
    amount: int
    arithmetic: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Summands against a limit, in the unit of `kind` (`memory`: bytes, `connections`: connections)."""

    kind: str
    lines: tuple[Line, ...]
    limit: int

    @property
    def total(self) -> int:
        """The sum of all lines."""
        return sum(line.amount for line in self.lines)

    @property
    def fits(self) -> bool:
        """Whether the sum stays within the limit."""
        return self.total <= self.limit

    @property
    def arithmetic(self) -> str:
        """The whole sum in one sentence, for an error or an explanation."""
        summands = " + ".join(f"{line.label} {self.show(line.amount)}" for line in self.lines if line.amount)
        relation = "≤" if self.fits else ">"
        return f"{summands} = {self.show(self.total)} {relation} {self.show(self.limit)}"

    def show(self, amount: int) -> str:
        """An amount in the unit of this budget."""
        return show_mib(amount) if self.kind == "memory" else str(amount)


def connections(layout: Layout) -> Budget:
    """Connections PostgreSQL must accept at the worst moment, against its `max_connections`."""
    direct = _direct()
    if layout.pgbouncer is None:
        return Budget("connections", client_lines(layout) + direct, layout.db.max_connections)
    pool = Line("pgbouncer", layout.pgbouncer.pool_size, f"pool of {layout.pgbouncer.pool_size}")
    return Budget("connections", (pool, *direct), layout.db.max_connections)


def clients(layout: Layout) -> Budget:
    """Connections PgBouncer must accept, against its `max_client_conn`; limit 0 without PgBouncer."""
    limit = layout.pgbouncer.max_client_connections if layout.pgbouncer else 0
    return Budget("connections", client_lines(layout), limit)


def client_lines(layout: Layout) -> tuple[Line, ...]:
    """Connections of the services themselves, including the extra replica of a rolling update."""
    web, streaming = layout.web, layout.streaming
    per_web = web.processes * web.threads
    lines = [
        Line(
            "web",
            web.replicas * per_web,
            f"{web.replicas} × {web.processes} processes × {web.threads} threads",
        ),
        Line("web, updating", per_web, "one more replica while an update rolls"),
        Line(
            "streaming",
            streaming.replicas * streaming.db_pool,
            f"{streaming.replicas} × pool of {streaming.db_pool}",
        ),
        Line("streaming, updating", streaming.db_pool, "one more replica while an update rolls"),
    ]
    lines += [
        Line(plan.service, plan.replicas * plan.threads, f"{plan.replicas} × {plan.threads} threads")
        for plan in layout.sidekiq
    ]
    return tuple(lines)


def _direct() -> tuple[Line, ...]:
    return (
        Line("one-shot jobs", ONE_SHOT_CONNECTIONS, "tootctl 5 + 1, migrations 5"),
        Line("backup", BACKUP_CONNECTIONS, "pg_dump with 2 jobs + 1"),
        Line("instancectl", OWN_CONNECTIONS, "checks and metrics"),
        Line("reserved", RESERVED_CONNECTIONS, "superuser_reserved_connections"),
    )


def memory(layout: Layout, machine: Machine) -> Budget:
    """Memory limits of all replicas and the reserve, bytes, against the machine's memory.

    The room for a rolling update is part of the reserve as far as it is there; what is missing of
    it must come from swap (see `update_room`).
    """
    lines = (
        *service_memory(layout),
        Line("system", footprint.system_reserve(machine.memory_bytes), "160 MiB + 5 %"),
    )
    left = machine.memory_bytes - sum(line.amount for line in lines)
    wanted = update_room(layout)
    room = Line("update", max(0, min(wanted, left)), "one more `web` replica, or a one-shot job")
    return Budget("memory", (*lines, room), machine.memory_bytes)


def service_memory(layout: Layout) -> tuple[Line, ...]:
    """Limit times replicas of every service, bytes."""
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
    if edge.mail_memory_bytes:
        sized.append(("mail", 1, edge.mail_memory_bytes))
    return tuple(Line(name, count * each, f"{count} × {show_mib(each)}") for name, count, each in sized)


def update_room(layout: Layout) -> int:
    """Bytes an update needs on top: a fresh `web` replica beside the old one, or a one-shot Rails job."""
    return max(footprint.ONE_SHOT, footprint.web_fresh(layout.web.processes))
