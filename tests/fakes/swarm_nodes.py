"""The hosts of the fake Swarm, and how it chooses among them.

    swarm.hosts.add("two", {"instancectl.workers.social-example": "true"})
    swarm.hosts.get("two-id").state = "down"     # its replicas start elsewhere, if they may

It knows the constraints `node.labels.KEY`, `node.hostname`, and the most replicas per node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instancectl.core.observed import Node
from instancectl.core.service import ServiceSpec

GIB = 1024**3


@dataclass
class FakeNode:
    """One host."""

    id: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    address: str = "10.86.0.1"
    state: str = "ready"
    availability: str = "active"
    manager_address: str = ""
    cores: int = 2
    memory_bytes: int = 8 * GIB

    def shown(self) -> Node:
        """As the port shows it."""
        return Node(
            self.id, self.name, self.address, self.state, self.availability, self.manager_address,
            dict(self.labels), "20.10.24", self.cores, self.memory_bytes,
        )  # fmt: skip


class FakeNodes:
    """`first` is the manager on which everything else of the fake runs."""

    def __init__(self) -> None:
        self.first = FakeNode("node1", "one", manager_address="10.86.0.1:2377")
        self._nodes = {"node1": self.first}

    def add(self, name: str, labels: Mapping[str, str] | None = None, **changes: object) -> FakeNode:
        """Another host; its identifier is its name and `-id`."""
        made = FakeNode(f"{name}-id", name, dict(labels or {}), f"10.86.0.{len(self._nodes) + 1}")
        for key, value in changes.items():
            setattr(made, key, value)
        self._nodes[made.id] = made
        return made

    def get(self, node_id: str) -> FakeNode:
        return self._nodes[node_id]

    def forget(self, node_id: str) -> None:
        self._nodes.pop(node_id, None)

    def all(self) -> tuple[Node, ...]:
        return tuple(node.shown() for node in sorted(self._nodes.values(), key=lambda node: node.name))

    def allow(self, spec: ServiceSpec, node_id: str) -> bool:
        """Whether a replica may stay there."""
        node = self._nodes.get(node_id)
        return (
            node is not None
            and (node.state, node.availability) == ("ready", "active")
            and all(_holds(constraint, node) for constraint in spec.constraints)
        )

    def answers(self, node_id: str) -> bool:
        """Whether Swarm hears of it; a host that does not may go on with what it runs."""
        return node_id in self._nodes and self._nodes[node_id].state == "ready"

    def choose(self, spec: ServiceSpec, living: Sequence[str]) -> str:
        """The host with the fewest replicas of the service; empty when none may have it."""
        most = spec.max_replicas_per_node
        able = [
            node_id
            for node_id in self._nodes
            if self.allow(spec, node_id) and (not most or living.count(node_id) < most)
        ]
        return min(able, key=living.count, default="")


def _holds(constraint: str, node: FakeNode) -> bool:
    key, equal, value = constraint.partition("==")
    if not equal:
        key, _, value = constraint.partition("!=")
    seen = node.name if key == "node.hostname" else node.labels.get(key.removeprefix("node.labels."), "")
    return (seen == value) == bool(equal)
