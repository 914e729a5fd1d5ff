"""The hosts of a Swarm, as its manager and as a host that joins or leaves it see them."""

from __future__ import annotations

from typing import Literal, Protocol

from instancectl.core.observed import Engine, Node, Placed
from instancectl.core.secrets import Secret


class SwarmNodes(Protocol):
    """Every method raises `Unreachable` when the Engine of this host does not answer."""

    def engine(self) -> Engine:
        """The Engine on this host."""

    def nodes(self) -> tuple[Node, ...]:
        """All hosts of the Swarm; asked of a manager."""

    def placed(self) -> tuple[Placed, ...]:
        """Every replica that runs or should run, of whatever stack, with its host."""

    def label_node(self, node_id: str, key: str, value: str) -> None:
        """Set one label of a node."""

    def unlabel_node(self, node_id: str, key: str) -> None:
        """Remove one label of a node."""

    def set_availability(self, node_id: str, availability: Literal["active", "drain"]) -> None:
        """Let a host have replicas, or have Swarm move them elsewhere."""

    def forget_node(self, node_id: str) -> None:
        """Remove a host from the Swarm's list, whether it answers or not; absent is fine."""

    def join_token(self) -> Secret:
        """What lets another host join as a worker."""

    def join(self, manager: str, token: Secret, own_address: str) -> None:
        """Make this host a worker of the Swarm of `manager` (`ADDRESS:PORT`).

        Raises `OperationFailed` when it cannot be reached or refuses; nothing is left of the attempt.
        """

    def leave(self) -> None:
        """Leave the Swarm, or what is left of a failed attempt to join one; being in none is fine."""
