"""The Docker Engine and its Swarm, as far as instancectl needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from instancectl.core.desired import Network, OneShot
from instancectl.core.observed import Engine, Observed, ServiceState
from instancectl.core.secrets import Secret
from instancectl.core.service import ServiceSpec


class Swarm(Protocol):
    """Every method raises `Unreachable` when the Engine does not answer."""

    def engine(self) -> Engine:
        """The Engine on this host."""

    def observe(self, stack: str) -> Observed:
        """Everything of one stack."""

    def service(self, stack: str, name: str) -> ServiceState | None:
        """One service with its tasks, or None."""

    def create_swarm(self, advertise_address: str) -> None:
        """Make this host the first manager of a Swarm."""

    def label_node(self, node_id: str, key: str, value: str) -> None:
        """Set one label of a node."""

    def unlabel_node(self, node_id: str, key: str) -> None:
        """Remove one label of a node."""

    def create_network(self, stack: str, network: Network) -> None:
        """Create an attachable overlay network."""

    def create_volume(self, stack: str, name: str) -> None:
        """Create a named local volume."""

    def create_secret(self, stack: str, name: str, content: Secret) -> None:
        """Create an immutable secret."""

    def create_config(self, stack: str, name: str, content: str) -> None:
        """Create an immutable config."""

    def create_service(self, stack: str, spec: ServiceSpec) -> None:
        """Create a service."""

    def update_service(self, stack: str, spec: ServiceSpec) -> None:
        """Give an existing service a new spec; Swarm replaces its replicas."""

    def leave_if_idle(self) -> bool:
        """Leave the Swarm when it is this host alone and runs nothing; whether it did."""

    def containers(self, stack: str) -> int:
        """Containers of the stack on this host, ending ones included."""

    def remove(self, stack: str, kind: str, name: str) -> None:
        """Remove a `service`, `network`, `volume`, `secret`, `config` or `job`; absent is fine."""

    def resolve_image(self, reference: str, *, pull: bool) -> str | None:
        """The reference with its digest, pulling it if wanted; None when it is not on this host.

        An image that never was in a registry has no digest and keeps its plain reference.
        """

    def run_once(self, stack: str, job: OneShot) -> tuple[int, str]:
        """Run a one-shot job, or join the same one left running; exit code and its last output."""

    def run_in(self, stack: str, service: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run a command in a running replica on this host; exit code and output.

        Raises `Unreachable` when no replica runs on this host.
        """

    def run_image(self, image: str, argv: Sequence[str], *, network: str = "") -> tuple[int, str]:
        """Run a command in a throw-away container without secrets; no network unless named."""

    def logs(self, stack: str, service: str, *, tail: int, follow: bool, since: int) -> Iterator[str]:
        """Lines of a service's log; `since` in epoch seconds, 0 for all."""

    def describe_unhealthy(self, stack: str, name: str) -> str:
        """Why the newest replica of a service does not serve: its error, exit code, last output."""


class InteractiveJobs(Protocol):
    """One-shot jobs with the person's terminal."""

    def attach(self, stack: str, job: OneShot) -> int:
        """Run with stdin, stdout, stderr and, if there is one, the terminal; returns the exit code."""
