"""The hosts of an instance, as `host list` shows them, and what may be done to which."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from instancectl.core.host.placement import holds_data, roles_of
from instancectl.core.host.record import HostRecord
from instancectl.core.host.settings import Peer
from instancectl.core.observed import Node, Placed
from instancectl.core.sizes import ROLES
from instancectl.core.units import show_bytes
from instancectl.errors import Refused

ENDED = frozenset({"complete", "failed", "shutdown", "rejected", "orphaned", "remove"})
"""Swarm's words for a replica that does not run any more."""

WAITING = frozenset({"new", "pending"})
"""Swarm's words for a replica that has no host yet."""


@dataclass(frozen=True, slots=True)
class HostView:
    """One host and what it carries.

    Attributes:
        data: whether the instance's volumes are on it.
        services: service → replicas that run there.
    """

    node: Node
    roles: tuple[str, ...]
    data: bool
    services: tuple[tuple[str, int], ...]

    @property
    def state(self) -> str:
        """In one word."""
        if self.node.state != "ready":
            return self.node.state
        return "drained" if self.node.availability == "drain" else "ready"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        node = self.node
        return {
            "name": node.name,
            "id": node.id,
            "address": node.address,
            "roles": list(self.roles),
            "data": self.data,
            "state": node.state,
            "availability": node.availability,
            "engine_version": node.engine_version,
            "memory_bytes": node.memory_bytes,
            "cores": node.cores,
            "services": dict(self.services),
        }

    def cells(self) -> tuple[str, ...]:
        """For people."""
        node = self.node
        roles = ", ".join(("data", *self.roles) if self.data else self.roles) or "none"
        if self.data and set(self.roles) == set(ROLES):
            roles = "data, every role"
        running = ", ".join(name if count == 1 else f"{count} × {name}" for name, count in self.services)
        return (
            node.name,
            self.state,
            roles,
            node.address,
            f"{show_bytes(node.memory_bytes)}, {node.cores} cores",
            f"Docker {node.engine_version}",
            running or "nothing",
        )


HEADINGS = ("host", "state", "roles", "address", "size", "engine", "runs")


def views(stack: str, nodes: Iterable[Node], placed: Sequence[Placed]) -> tuple[HostView, ...]:
    """Every host of the Swarm, with what it carries of this stack."""
    return tuple(
        HostView(
            node,
            tuple(sorted(roles_of(stack, node))),
            holds_data(stack, node),
            _services(stack, node, placed),
        )
        for node in nodes
    )


def _services(stack: str, node: Node, placed: Sequence[Placed]) -> tuple[tuple[str, int], ...]:
    return tuple(
        sorted(Counter(one.service.removeprefix(f"{stack}_") for one in on(stack, node, placed)).items())
    )


def on(stack: str, node: Node, placed: Iterable[Placed]) -> tuple[Placed, ...]:
    """What a host still carries of a stack; a host that does not answer carries nothing that anybody uses."""
    if node.state != "ready":
        return ()
    prefix = f"{stack}_"
    return tuple(
        one
        for one in placed
        if one.node_id == node.id and one.service.startswith(prefix) and one.state not in ENDED
    )


def homeless(stack: str, placed: Iterable[Placed]) -> tuple[tuple[str, int], ...]:
    """Service → replicas that no host has room for."""
    prefix = f"{stack}_"
    return tuple(
        sorted(
            Counter(
                one.service.removeprefix(prefix)
                for one in placed
                if one.service.startswith(prefix) and one.wanted == "running" and one.state in WAITING
            ).items()
        )
    )


def named(nodes: Sequence[Node], name: str) -> Node:
    """The host of that name.

    Raises:
        Refused: there is none, or several.
    """
    found = [node for node in nodes if name in {node.name, node.id}]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"`{node.name}`" for node in nodes)
    several = f"{len(found)} hosts are called `{name}`" if found else f"no host is called `{name}`"
    ids = ", ".join(node.id for node in found)
    raise Refused(
        f"cannot tell which host is meant: {several}",
        hint=f"name one by its identifier: {ids}" if found else f"the hosts are {known}",
        subject=name,
    )


def refuse_data(stack: str, node: Node, what: str) -> None:
    """Refuse to empty the host that holds the data.

    Raises:
        Refused: it is this one.
    """
    if holds_data(stack, node):
        raise Refused(
            f"cannot {what} `{node.name}`: it holds the database and everything else that must stay",
            hint="`instancectl maintenance on` shows a page meanwhile; to leave this host, move the instance",
            subject=node.name,
        )


def refuse_last(stack: str, nodes: Sequence[Node], node: Node, what: str) -> None:
    """Refuse to empty the only host that serves, once the one with the data was left to the database.

    One that is down serves nobody, and may go.

    Raises:
        Refused: nothing would answer until the next deploy.
    """
    serving = [
        one
        for one in nodes
        if "web" in roles_of(stack, one) and (one.availability == "active" or one.id == node.id)
    ]
    home = next((one for one in nodes if holds_data(stack, one)), None)
    if home is None or serving != [node] or node.state != "ready":
        return
    raise Refused(
        f"cannot {what} `{node.name}`: it is the only host with the role `web`, and nobody would answer",
        hint=f"let `{home.name}` serve meanwhile: `instancectl host add USER@{home.address} --role db "
        "--role web --role workers`, then `instancectl deploy`",
        subject=node.name,
    )


def manager_address(node: Node, record: HostRecord | None, wanted: str) -> str:
    """Where another host reaches this manager, `ADDRESS:PORT`.

    Args:
        node: this host.
        record: what provisioning did to it; None when nothing.
        wanted: `swarm.advertise_address`; may be empty.

    Raises:
        Refused: the Swarm is advertised where nobody else reaches it. Docker cannot change that: even
            `--force-new-cluster` leaves the manager's old address in what workers are told.
    """
    address, _, port = node.manager_address.rpartition(":")
    host = address.strip("[]")
    good = {record.mesh.address if record else "", wanted} - {""}
    if host in good and not ipaddress.ip_address(host).is_loopback:
        return f"{address}:{port}"
    mesh = record.mesh.address if record else "the private network"
    raise Refused(
        f"cannot add a host: this Swarm is advertised on {host}, where no other host reaches it, "
        "and Docker cannot move it",
        hint=f"make it anew on {mesh}; data stays, the instance is away for a few minutes: "
        "`instancectl destroy --keep-data`, then `docker swarm leave --force`, then `instancectl deploy`",
        subject="swarm.advertise_address",
    )


def mesh_address(subnet: str, used: Iterable[str]) -> str:
    """The first address of the subnet that no host has.

    Raises:
        Refused: all are taken.
    """
    taken = set(used)
    free = next((str(one) for one in ipaddress.ip_network(subnet).hosts() if str(one) not in taken), "")
    if not free:
        raise Refused(
            f"cannot add a host: every address of {subnet} is taken",
            hint="set `host.mesh_subnet` to a larger network, then `instancectl host provision`",
            subject="host.mesh_subnet",
        )
    return free


def peer_of(record: HostRecord, addresses: Iterable[str]) -> Peer:
    """A host as the others know it."""
    return Peer(record.name, tuple(addresses), record.mesh.address, record.mesh.public_key)
