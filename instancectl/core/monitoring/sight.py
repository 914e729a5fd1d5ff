"""What the Engine shows of a running stack: which replicas there are, where, and how to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica that should run.

    Attributes:
        slot: its number within the service.
        container_id: empty before there is a container.
        addresses: network without the stack's prefix → address there.
        runs: whether it serves, by its health check.
        here: whether it is on this host.
    """

    service: str
    slot: int
    container_id: str
    addresses: Mapping[str, str]
    runs: bool
    here: bool

    @property
    def name(self) -> str:
        """`web.1`."""
        return f"{self.service}.{self.slot}"


@dataclass(frozen=True, slots=True)
class Sight:
    """One look.

    Attributes:
        wanted: service → replicas it should have.
        replicas: those that should run, in a stable order.
        docker_directory: where this host's Engine keeps everything.
        updating: services that Swarm is replacing right now.
    """

    wanted: Mapping[str, int] = field(default_factory=dict)
    replicas: tuple[Replica, ...] = ()
    docker_directory: str = "/var/lib/docker"
    updating: tuple[str, ...] = ()

    def of(self, service: str) -> tuple[Replica, ...]:
        """Replicas of one service that have a container, healthy or not."""
        return tuple(one for one in self.replicas if one.service == service and one.container_id)

    def by_hostname(self, hostname: str) -> str:
        """The name of the replica whose container is called so; empty when it is none of ours."""
        if len(hostname) < 12:
            return ""
        found = (one.name for one in self.replicas if one.container_id.startswith(hostname))
        return next(found, "")

    def spread(self) -> bool:
        """Whether replicas run on other hosts, too."""
        return any(not one.here for one in self.replicas if one.container_id)


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Of one replica on this host; `limit_bytes` is 0 without a limit."""

    used_bytes: int
    limit_bytes: int
