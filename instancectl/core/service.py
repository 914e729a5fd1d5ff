"""A Swarm service as a value: what is desired and what is observed are the same type.

`docker stack deploy` of the rendered file and the Engine API both come from it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

HOST_NETWORK = "host"
"""Not of the stack: a service attached to it uses the host's own network."""


@dataclass(frozen=True, slots=True, order=True)
class Mount:
    """A named volume, a tmpfs or a bind at `target`; `size_bytes` limits a tmpfs."""

    target: str
    source: str = ""
    kind: Literal["volume", "tmpfs", "bind"] = "volume"
    read_only: bool = False
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, order=True)
class FileRef:
    """A Swarm secret or config shown as a file; `mode` is octal permission bits."""

    name: str
    target: str
    uid: str = "0"
    gid: str = "0"
    mode: int = 0o444


@dataclass(frozen=True, slots=True, order=True)
class Attachment:
    """A network and the extra names under which the service is found there."""

    network: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class PublishedPort:
    """A port of the host that leads into the container (mode host)."""

    published: int
    target: int
    protocol: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How Docker learns that a replica serves; all times in seconds."""

    test: tuple[str, ...]
    interval_seconds: int = 5
    timeout_seconds: int = 5
    retries: int = 3
    start_period_seconds: int = 60


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """How a changed service is replaced; `monitor_seconds` is how long a new replica is watched."""

    order: Literal["start-first", "stop-first"] = "stop-first"
    failure_action: Literal["rollback", "pause"] = "rollback"
    parallelism: int = 1
    delay_seconds: int = 0
    monitor_seconds: int = 5


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One Swarm service, whole. Tuples are sorted where order means nothing.

    Attributes:
        name: without the stack's prefix, e.g. `web`.
        entrypoint: replaces the image's ENTRYPOINT; empty keeps it.
        command: replaces the image's CMD; empty keeps it.
        environment: plain, never secret.
        max_replicas_per_node: how many replicas one host may run; 0 is no limit.
        memory_bytes: hard limit; 0 is none.
        cpu_nano: CPU limit in 1e-9 cores; 0 is none.
        log_max_megabytes: size of one of the three rotated log files.
    """

    name: str
    image: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    user: str = ""
    init: bool = False
    stop_signal: str = ""
    stop_grace_seconds: int = 10
    health: HealthCheck | None = None
    mounts: tuple[Mount, ...] = ()
    secrets: tuple[FileRef, ...] = ()
    configs: tuple[FileRef, ...] = ()
    networks: tuple[Attachment, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    replicas: int = 1
    constraints: tuple[str, ...] = ()
    max_replicas_per_node: int = 0
    memory_bytes: int = 0
    memory_reservation_bytes: int = 0
    cpu_nano: int = 0
    update: UpdatePolicy = UpdatePolicy()
    restart_condition: Literal["any", "on-failure", "none"] = "any"
    restart_delay_seconds: int = 5
    log_max_megabytes: int = 10
    labels: tuple[tuple[str, str], ...] = ()


def differences(desired: ServiceSpec, observed: ServiceSpec) -> tuple[str, ...]:
    """Names of the fields in which two specs differ, in declaration order."""
    return tuple(
        field.name
        for field in fields(ServiceSpec)
        if getattr(desired, field.name) != getattr(observed, field.name)
    )
