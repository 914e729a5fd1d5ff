"""What is read of an instance at one moment: only what costs the same however long the queues are.

| value | read from |
|---|---|
| size, latency | `LLEN` and `LINDEX … -1` of each queue |
| arrivals | a binary search over `LINDEX` by `enqueued_at`: 17 probes at 100,000 jobs |
| busy, resident memory | Sidekiq's heartbeats and the work each process lists: one entry a thread |
| processor time | the control groups of the containers |
| processed | `stat:processed` |
| web | Puma's own statistics |
| database | `max_connections`, `pg_stat_activity`, PgBouncer's pools |

Whatever could not be read is `Unknown` with its reason, and never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instancectl.core.unknown import NOT_LOOKED, Known


@dataclass(frozen=True, slots=True)
class QueueSample:
    """One queue.

    Attributes:
        size: jobs waiting.
        latency_seconds: how long the oldest of them has waited; 0 when there is none.
        busy: threads at work on its jobs, in all processes.
        arrivals: jobs enqueued in the last 20 s, when all of them are still listed, i.e. when the
            oldest has waited for longer than that; else None.
        destinations: busy threads by the remote host they talk to, for deliveries.
    """

    size: int
    latency_seconds: float
    busy: int
    arrivals: int | None = None
    destinations: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceSample:
    """One Sidekiq service.

    Attributes:
        replicas: processes that take jobs.
        starting: ordered, and without a heartbeat yet.
        draining: told to take no more jobs, and not gone yet.
        busy: threads at work in all its processes.
        cores: processor cores that its processes used since the last sample; None when not measured.
        largest_bytes: resident memory of its largest process; 0 when not measured.
        oldest_seconds: age of its oldest process.
    """

    replicas: int
    starting: int = 0
    draining: int = 0
    busy: int = 0
    cores: float | None = None
    largest_bytes: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WebSample:
    """Puma, all replicas of `web` together.

    Attributes:
        processes: that answer requests.
        starting: ordered and not answering yet.
        busy: threads that serve a request.
        cores: processor cores used since the last sample; None when not measured.
        queue_seconds: how long a request waits for a thread.
        elsewhere: those of the processes that are on other hosts, where their number cannot be changed.
    """

    processes: int
    starting: int
    busy: float
    queue_seconds: float
    cores: float | None = None
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class HostSample:
    """One host of the Swarm that may have replicas.

    Attributes:
        used: share of its cores in use, 0 to 1.
        available_bytes: free memory; where nobody measures it, what its replicas and its system leave.
        carries: service → replicas that are there, working or not.
        serving: service → those of them that work.
        accepts: services that may run there; None: every one.
        measured: False for hosts on which nothing of ours looks: both numbers are reckoned then.
    """

    name: str
    cores: int
    used: float
    memory_bytes: int
    available_bytes: int
    carries: Mapping[str, int] = field(default_factory=dict)
    serving: Mapping[str, int] = field(default_factory=dict)
    accepts: frozenset[str] | None = None
    measured: bool = True

    def may_run(self, service: str) -> bool:
        """Whether Swarm may put a replica of the service there."""
        return self.accepts is None or service in self.accepts


@dataclass(frozen=True, slots=True)
class DatabaseSample:
    """PostgreSQL: its limit, the connections that are open, and clients that wait in PgBouncer."""

    max_connections: int
    open: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class MailSample:
    """Mails handed over and mails refused since the last sample, and those of this quota day."""

    delivered: int
    failed: int
    sent_today: int
    day_ends_in_seconds: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything, at one moment.

    Attributes:
        at: seconds since the epoch, when the reading was complete.
        queues: by upstream's name.
        services: by our name, `sidekiq` and `sidekiq-…`.
        hosts: one at least.
        processed: jobs ever done, as Sidekiq counts them.
        signups: accounts made since the last sample.
        registrations: `open`, `approved` or `none`, as Mastodon has it now.
        writable: why Redis refuses writes; empty when it does not.
        updating: what is being changed by somebody else right now; empty when nothing is.
    """

    at: float
    queues: Known[Mapping[str, QueueSample]] = NOT_LOOKED
    services: Known[Mapping[str, ServiceSample]] = NOT_LOOKED
    web: Known[WebSample] = NOT_LOOKED
    hosts: Known[tuple[HostSample, ...]] = NOT_LOOKED
    database: Known[DatabaseSample] = NOT_LOOKED
    mail: Known[MailSample] = NOT_LOOKED
    processed: Known[int] = NOT_LOOKED
    signups: Known[int] = NOT_LOOKED
    registrations: Known[str] = NOT_LOOKED
    writable: str = ""
    updating: str = ""
