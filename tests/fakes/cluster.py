"""The hosts of a Swarm as the `SwarmNodes` port: a manager's view on a `FakeSwarm`, or a host that joins it.

manager = FakeCluster(swarm)                       # asks and changes `swarm.hosts`
newcomer = FakeCluster.newcomer(swarm, "two")      # a host of its own; `join` puts it into `swarm.hosts`
newcomer.state = "pending"                         # what a killed attempt leaves
newcomer.unreachable = True                        # the manager does not answer it
"""

from __future__ import annotations

from typing import Literal

from instancectl.core.observed import Engine, Node, Placed
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed
from tests.fakes.swarm import FakeSwarm

TOKEN = "SWMTKN-1-made-up"
ENDED = frozenset({"failed", "shutdown"})


class FakeCluster:
    """See `ports.swarm_nodes.SwarmNodes`."""

    def __init__(self, swarm: FakeSwarm, name: str = "") -> None:
        self.swarm = swarm
        self.name = name
        self.state = "inactive"
        self.unreachable = False
        self.left = 0

    @classmethod
    def newcomer(cls, swarm: FakeSwarm, name: str) -> FakeCluster:
        return cls(swarm, name)

    def engine(self) -> Engine:
        if not self.name:
            return self.swarm.engine()
        active = self.state == "active"
        return Engine(
            "20.10.24", "1.41", self.state, False, f"{self.name}-id" if active else "", {}, 2, 2**33
        )

    def nodes(self) -> tuple[Node, ...]:
        return self.swarm.hosts.all()

    def placed(self) -> tuple[Placed, ...]:
        return tuple(
            Placed(f"{stack}_{name}", task.node_id, task.state, task.wanted)
            for stack in self.swarm.stacks
            for name, state in self.swarm.observe(stack).services.items()
            for task in state.tasks
            if task.wanted == "running" or task.state not in ENDED
        )

    def label_node(self, node_id: str, key: str, value: str) -> None:
        self.swarm.label_node(node_id, key, value)

    def unlabel_node(self, node_id: str, key: str) -> None:
        self.swarm.unlabel_node(node_id, key)

    def set_availability(self, node_id: str, availability: Literal["active", "drain"]) -> None:
        with self.swarm.doing(availability, node_id):
            self.swarm.hosts.get(node_id).availability = availability

    def forget_node(self, node_id: str) -> None:
        with self.swarm.doing("forget node", node_id):
            self.swarm.hosts.forget(node_id)

    def join_token(self) -> Secret:
        return Secret(TOKEN)

    def join(self, manager: str, token: Secret, own_address: str) -> None:
        if self.state != "inactive":
            raise OperationFailed("Docker refused to join: this node is already part of a swarm")
        if self.unreachable or token.reveal() != TOKEN:
            self.state = "inactive"
            raise OperationFailed("Docker refused to join the Swarm: no answer")
        self.state = "active"
        self.swarm.hosts.add(self.name, address=own_address)

    def leave(self) -> None:
        self.left += 1
        self.state = "inactive"
