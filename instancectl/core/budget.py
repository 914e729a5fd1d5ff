"""Budgets: what a layout needs of memory and database connections, line by line.

Connections follow Mastodon's own pools (config/database.yml, streaming/database.js): web opens up
to processes x threads, Sidekiq one per thread, streaming DB_POOL per process; tootctl opens its
concurrency + 1 (lib/mastodon/cli/progress_helper.rb).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from instancectl.core import footprint
from instancectl.core.host.sharing import Load, service_sizes, share_out
from instancectl.core.sizes import Layout, Machine, Room
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
    """Summands against a limit, in the unit of `kind` (`memory`: bytes, `connections`: connections).

    `loads` are the parts of several hosts; each must fit, too.
    """

    kind: str
    lines: tuple[Line, ...]
    limit: int
    loads: tuple[Load, ...] = ()

    @property
    def total(self) -> int:
        """The sum of all lines."""
        return sum(line.amount for line in self.lines)

    @property
    def fits(self) -> bool:
        """Whether the sum stays within the limit, and every host's part within what it has."""
        return self.total <= self.limit and all(load.fits for load in self.loads)

    @property
    def missing(self) -> int:
        """What is lacking: in all, or on the hosts that are too full."""
        return max(self.total - self.limit, sum(max(0, load.total - load.limit) for load in self.loads))

    @property
    def arithmetic(self) -> str:
        """The whole sum in one sentence, for an error or an explanation."""
        summands = " + ".join(f"{line.label} {self.show(line.amount)}" for line in self.lines if line.amount)
        relation = "≤" if self.total <= self.limit else ">"
        hosts = " + ".join(f"{load.host} {self.show(load.limit)}" for load in self.loads)
        sums = f"{summands} = {self.show(self.total)} {relation} {self.show(self.limit)}"
        sums += f" ({hosts})" if hosts else ""
        return "; ".join([sums, *(load.arithmetic for load in self.loads if not load.fits)])

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


def memory(layout: Layout, machine: Machine, others: Sequence[Room] = ()) -> Budget:
    """Memory limits of all replicas and the reserve, bytes, against the memory of all hosts.

    The room for a rolling update is part of the reserve of `machine`, as far as it is there; what is
    missing of it must come from swap (see `update_room`).
    """
    hosts = (machine.memory_bytes, *(room.memory_bytes for room in others))
    lines = (
        *service_memory(layout),
        Line(
            "system",
            sum(footprint.system_reserve(each) for each in hosts),
            "160 MiB + 5 %" + (" of each host" if others else ""),
        ),
    )
    loads = share_out(layout, machine, others).loads if others else ()
    used = loads[0].total if loads else sum(line.amount for line in lines)
    wanted = update_room(layout)
    room = Line(
        "update",
        max(0, min(wanted, machine.memory_bytes - used)),
        "one more `web` replica, or a one-shot job",
    )
    return Budget("memory", (*lines, room), sum(hosts), loads)


def service_memory(layout: Layout) -> tuple[Line, ...]:
    """Limit times replicas of every service, bytes."""
    return tuple(
        Line(name, count * each, f"{count} × {show_mib(each)}") for name, count, each in service_sizes(layout)
    )


def update_room(layout: Layout) -> int:
    """Bytes an update needs on top: a fresh `web` replica beside the old one, or a one-shot Rails job."""
    return max(footprint.ONE_SHOT, footprint.web_fresh(layout.web.processes))
