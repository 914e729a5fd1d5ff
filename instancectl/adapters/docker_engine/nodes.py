"""The `SwarmNodes` port on a real Docker Engine: translates, decides nothing."""

from __future__ import annotations

from typing import Any, Literal

import requests
from docker.errors import APIError, NotFound

from instancectl.adapters.docker_engine import reading
from instancectl.adapters.docker_engine.engine import DockerSwarm, translation
from instancectl.core.observed import Engine, Node, Placed
from instancectl.core.secrets import Secret

JOIN_SECONDS = 60
"""The Engine itself gives up after 20 s and goes on trying in the background."""


class DockerNodes:
    """See `ports.swarm_nodes.SwarmNodes`."""

    def __init__(self, swarm: DockerSwarm) -> None:
        """Over the same connection."""
        self._swarm = swarm

    def engine(self) -> Engine:
        """The Engine on this host."""
        return self._swarm.engine()

    def nodes(self) -> tuple[Node, ...]:
        """All hosts of the Swarm."""
        with translation("list the nodes"):
            return reading.nodes(self._swarm.api)

    def placed(self) -> tuple[Placed, ...]:
        """Every replica that runs or should run, with its host."""
        with translation("list the tasks"):
            return reading.placed(self._swarm.api)

    def label_node(self, node_id: str, key: str, value: str) -> None:
        """Set one label of a node."""
        self._swarm.label_node(node_id, key, value)

    def unlabel_node(self, node_id: str, key: str) -> None:
        """Remove one label of a node."""
        self._swarm.unlabel_node(node_id, key)

    def set_availability(self, node_id: str, availability: Literal["active", "drain"]) -> None:
        """Let a host have replicas, or have Swarm move them elsewhere."""
        with translation("change the node"):
            self._swarm.edit_node(node_id, lambda spec: spec | {"Availability": availability})

    def forget_node(self, node_id: str) -> None:
        """Remove a host from the Swarm's list; absent is fine."""
        with translation("remove the node"):
            try:
                self._swarm.api.remove_node(node_id, force=True)
            except NotFound:
                return

    def join_token(self) -> Secret:
        """What lets another host join as a worker."""
        with translation("tell the join token"):
            found: dict[str, Any] = self._swarm.api.inspect_swarm()
            return Secret(found["JoinTokens"]["Worker"])

    def join(self, manager: str, token: Secret, own_address: str) -> None:
        """Make this host a worker; an attempt that fails is undone."""
        listen = f"[{own_address}]:2377" if ":" in own_address else f"{own_address}:2377"
        with translation("join the Swarm"):
            api = self._swarm.connect(JOIN_SECONDS)
            try:
                api.join_swarm([manager], token.reveal(), listen_addr=listen, advertise_addr=own_address)
            except APIError:
                self.leave()
                raise

    def leave(self) -> None:
        """Leave the Swarm; being in none is fine."""
        with translation("leave the Swarm"):
            try:
                self._swarm.api.leave_swarm(force=True)
            except APIError as error:
                if error.status_code not in {requests.codes.not_acceptable, requests.codes.unavailable}:
                    raise
