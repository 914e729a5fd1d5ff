"""What should be: everything of one stack, derived from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instancectl.core.secrets import Secret
from instancectl.core.service import Attachment, Mount, ServiceSpec

OVERLAY_MTU = 1370
"""Bytes of a packet between containers: 1420 of the mesh between hosts, less 50 of VXLAN."""


@dataclass(frozen=True, slots=True)
class Network:
    """An overlay network; an internal one has no way out of the host."""

    name: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class OneShot:
    """A job in a container of its own that runs once and is removed.

    Attributes:
        name: unique within the stack; a job of this name that is still running is joined, not doubled.
        files: path in the container → content, owned by uid 991, mode 0400; never in the environment.
    """

    name: str
    image: str
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    networks: tuple[Attachment, ...] = ()
    mounts: tuple[Mount, ...] = ()
    files: tuple[tuple[str, Secret], ...] = ()
    timeout_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class Desired:
    """One stack as it should be.

    Attributes:
        services: in the order of deployment.
        stages: names of services that may start together, in order.
        secrets: Swarm name → content; the name carries the content's fingerprint.
        configs: Swarm name → content.
        images: references as configured → as deployed (with digest where there is one).
        node_label: of the host with the data.
        role_labels: of the roles that this host has beside others.
    """

    stack: str
    networks: tuple[Network, ...]
    volumes: tuple[str, ...]
    secrets: Mapping[str, Secret]
    configs: Mapping[str, str]
    services: tuple[ServiceSpec, ...]
    stages: tuple[tuple[str, ...], ...]
    images: Mapping[str, str] = field(default_factory=dict)
    node_label: str = ""
    role_labels: tuple[str, ...] = ()

    def service(self, name: str) -> ServiceSpec:
        """The service of that name."""
        return next(spec for spec in self.services if spec.name == name)
