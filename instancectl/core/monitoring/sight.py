"""What the Engine shows of a running stack: which replicas there are, where, and how to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instancectl.core.observed import Node


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica that should run.

    Attributes:
        slot: its number within the service.
        container_id: empty before there is a container.
        addresses: network without the stack's prefix → address there.
        runs: whether it serves, by its health check.
        here: whether it is on this host.
        node_id: the host that Swarm chose; empty before it has.
    """

    service: str
    slot: int
    container_id: str
    addresses: Mapping[str, str]
    runs: bool
    here: bool
    node_id: str = ""

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
        nodes: the hosts of the Swarm, by name; empty where this host does not manage it.
        home: the node of this host.
        places: service → what the hosts that may run it have to fulfil.
    """

    wanted: Mapping[str, int] = field(default_factory=dict)
    replicas: tuple[Replica, ...] = ()
    docker_directory: str = "/var/lib/docker"
    updating: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    home: str = ""
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, service: str) -> tuple[Replica, ...]:
        """Replicas of one service that have a container, healthy or not."""
        return tuple(one for one in self.replicas if one.service == service and one.container_id)

    def by_hostname(self, hostname: str) -> str:
        """The name of the replica whose container is called so; empty when it is none of ours."""
        if len(hostname) < 12:
            return ""
        found = (one.name for one in self.replicas if one.container_id.startswith(hostname))
        return next(found, "")


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Of one replica on this host; `limit_bytes` is 0 without a limit."""

    used_bytes: int
    limit_bytes: int
