"""The sizes of every service as values: what a layout consists of.

It does not derive anything; `core/layout.py` does, `core/budget.py` adds up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

QUEUES: Final = ("default", "push", "ingress", "mailers", "pull", "scheduler", "fasp")
"""Every queue of Mastodon 4.4 and later, in the order of its `config/sidekiq.yml`."""

ROLES: Final = ("web", "workers", "db", "monitoring")
"""What a host may be for; also the words of `host add --role`."""

SERVING: Final = frozenset({"web", "workers"})
"""Roles whose services may leave the host with the data."""

WATCHING: Final = frozenset({"prometheus", "alertmanager"})
"""Services that follow the role `monitoring`."""

WEIGHTS: Final = {
    "default": 8, "push": 6, "ingress": 4, "mailers": 2, "pull": 1, "scheduler": 1, "fasp": 1,
}  # fmt: skip
"""How often a queue is asked first; upstream's `config/sidekiq.yml`."""

BASE: Final = "sidekiq"
"""The base process: every queue including `scheduler`, exactly one replica, always."""

COMPUTING: Final = frozenset({BASE, "sidekiq-default", "sidekiq-ingress"})
"""Services bound by Ruby's interpreter lock: few threads, no more processes than cores."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What may be planned with."""

    memory_bytes: int
    cores: int


@dataclass(frozen=True, slots=True)
class Home:
    """The host with the data: its own address in the private network, and what else it is for."""

    address: str = ""
    roles: frozenset[str] = frozenset(ROLES)


@dataclass(frozen=True, slots=True)
class Room:
    """What another host offers.

    Attributes:
        roles: which services may run there.
        address: its own in the private network.
        home: the host with the data, as all others know it.
    """

    name: str
    memory_bytes: int
    cores: int
    roles: frozenset[str]
    address: str = ""
    home: Home = Home()


@dataclass(frozen=True, slots=True)
class Share:
    """How a service is shared out among several hosts.

    Attributes:
        role: hosts with this role run it.
        hosts: how many hosts may run it, the one with the data included unless `elsewhere`.
        most_per_host: replicas that one host is planned to carry.
        elsewhere: the host with the data has no room for it.
        avoided: names of other hosts that have no room for it.
    """

    service: str
    role: str
    hosts: int
    most_per_host: int
    elsewhere: bool = False
    avoided: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebPlan:
    """Puma; `memory_bytes` is the limit of one replica, `processes` and `threads` are per replica/process."""

    replicas: int
    processes: int
    threads: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class StreamingPlan:
    """Streaming; `db_pool` is DB_POOL of one process, `memory_bytes` the limit of one replica."""

    replicas: int
    db_pool: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class SidekiqPlan:
    """One Sidekiq service; one process per replica.

    Attributes:
        service: `sidekiq`, or `sidekiq-<queue class>`.
        queues: what it works on; `scheduler` only in `sidekiq`.
        weights: how often each of `queues` is asked first, in the same order.
        threads: SIDEKIQ_CONCURRENCY, also its database pool.
        memory_bytes: limit of one replica.
    """

    service: str
    queues: tuple[str, ...]
    weights: tuple[int, ...]
    replicas: int
    threads: int
    memory_bytes: int

    @property
    def arguments(self) -> tuple[str, ...]:
        """What `bundle exec sidekiq` gets: the queues with their weights."""
        pairs = zip(self.queues, self.weights, strict=True)
        return tuple(word for queue, weight in pairs for word in ("-q", f"{queue},{weight}"))


@dataclass(frozen=True, slots=True)
class PostgresPlan:
    """PostgreSQL; `settings` are lines of postgresql.conf, `shm_bytes` the size of `/dev/shm`.

    `receiver_memory_bytes` is the limit of what takes its WAL; 0 where nobody does.
    """

    max_connections: int
    memory_bytes: int
    settings: tuple[tuple[str, str], ...]
    shm_bytes: int
    receiver_memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RedisPlan:
    """Redis; `maxmemory_bytes` stays below the limit for the copy a rewrite of the log makes."""

    memory_bytes: int
    maxmemory_bytes: int


@dataclass(frozen=True, slots=True)
class PgBouncerPlan:
    """PgBouncer in transaction mode; `pool_size` is its connections to PostgreSQL."""

    pool_size: int
    max_client_connections: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """Memory limits of one replica of `proxy`, `cache` and `mail` (0: no mail catcher)."""

    proxy_memory_bytes: int
    cache_memory_bytes: int
    cache_replicas: int
    mail_memory_bytes: int


@dataclass(frozen=True, slots=True)
class MonitoringPlan:
    """Memory limits of Prometheus and Alertmanager; `apart` is their host when it is not that of the data."""

    prometheus_memory_bytes: int
    alertmanager_memory_bytes: int
    apart: Room | None = None

    @property
    def total_bytes(self) -> int:
        """Of both."""
        return self.prometheus_memory_bytes + self.alertmanager_memory_bytes


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a derived value is what it is.

    `key` is the dotted key of `instance.toml`, `sentence` holds the arithmetic.
    """

    key: str
    value: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of all services, and why; `shares` is empty while there is one host.

    `home_roles` are those of the host with the data.
    """

    name: str
    web: WebPlan
    streaming: StreamingPlan
    sidekiq: tuple[SidekiqPlan, ...]
    db: PostgresPlan
    redis: RedisPlan
    pgbouncer: PgBouncerPlan | None
    edge: EdgePlan
    monitoring: MonitoringPlan | None = None
    reasons: tuple[Reason, ...] = ()
    shares: tuple[Share, ...] = ()
    home_roles: frozenset[str] = frozenset(ROLES)

    def share(self, service: str) -> Share | None:
        """How a service is shared out; None while there is one host, or when it stays with the data."""
        return next((share for share in self.shares if share.service == service), None)

    def reason(self, key: str) -> Reason | None:
        """The reason of the dotted `key`, or None when it is not derived."""
        return next((reason for reason in self.reasons if reason.key == key), None)
