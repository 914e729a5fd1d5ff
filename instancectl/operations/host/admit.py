"""On the manager: invite a host, take it in once it has joined, let it go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from instancectl.core.config import InstanceConfig
from instancectl.core.host import images, nodes
from instancectl.core.host.placement import refuse_own_roles, refuse_roles, role_label, rooms
from instancectl.core.host.record import HostRecord
from instancectl.core.observed import Node
from instancectl.core.result import Result, Status
from instancectl.core.sizes import ROLES, SERVING
from instancectl.errors import InstanceError, OperationFailed, Refused
from instancectl.operations.host.drain import drained
from instancectl.operations.host.ship_images import ship
from instancectl.ports.clock import Clock
from instancectl.ports.image_courier import ImageCourier
from instancectl.ports.image_store import ImageStore
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.reporter import Reporter
from instancectl.ports.state import State
from instancectl.ports.swarm_nodes import SwarmNodes

READY_SECONDS = 60
GONE_SECONDS = 30
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the manager works with.

    Attributes:
        record: what provisioning did to this host; None when nothing.
        courier_key: the public key with which it brings images; made on first use.
        trust: (address, sshd's public keys) → known from now on.
    """

    config: InstanceConfig
    nodes: SwarmNodes
    store: ImageStore
    courier: ImageCourier
    state: State
    journal: Journal
    lock: Lock
    reporter: Reporter
    clock: Clock
    record: HostRecord | None
    courier_key: Callable[[], str]
    trust: Callable[[str, Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A host that has joined."""

    node_id: str
    name: str
    address: str
    roles: tuple[str, ...]
    host_keys: tuple[str, ...]


def invite(name: str, roles: Sequence[str], around: Surroundings) -> Result:
    """Everything a host needs to join; the token is in the data alone, for a pipe.

    Raises:
        Refused: the host cannot be given these roles, or this host cannot take in others.
    """
    refuse_roles(around.config, roles, name)
    engine = around.nodes.engine()
    if engine.swarm != "active" or not engine.is_manager:
        raise Refused(
            f"cannot add `{name}`: the instance is not deployed on this host",
            hint="run `instancectl deploy` first; then add hosts to it",
            subject=name,
        )
    own = _own(around)
    manager = nodes.manager_address(own, around.record, around.config.swarm.advertise_address)
    return Result(
        Status.OK,
        {
            "manager": manager,
            "token": around.nodes.join_token().reveal(),
            "courier_key": around.courier_key(),
            "settings": around.config.host.model_dump(),
            "nodes": {node.name: node.address for node in around.nodes.nodes()},
        },
        (f"this host takes in others on {manager}",),
    )


def settle(newcomer: Newcomer, around: Surroundings) -> Result:
    """Take in a host that has joined: roles, then images.

    Raises:
        Refused: it joined another Swarm.
        OperationFailed: it does not get ready.
    """
    refuse_roles(around.config, newcomer.roles, newcomer.name)
    with around.lock.hold(f"host add {newcomer.name}"):
        node = _ready(newcomer, around)
        around.trust(node.address, newcomer.host_keys)
        # Images first: Swarm may start something there the moment the host has a role.
        brought = _images(node, newcomer.roles, around)
        changed = _label(node, newcomer.roles, around)
        around.journal.write("host-added", host=node.name, roles=list(newcomer.roles))
    roles = ", ".join(newcomer.roles)
    lines = [f"{node.name} is ready for {roles}"]
    lines += [f"  image {reference}: {said}" for reference, said in brought.items()]
    lines.append("`instancectl deploy` shares the instance out; `instancectl plan` shows how")
    return Result(
        Status.CHANGED if changed or any(said != "there" for said in brought.values()) else Status.UNCHANGED,
        {"host": node.name, "roles": list(newcomer.roles), "images": brought},
        tuple(lines),
    )


def assign(roles: Sequence[str], around: Surroundings) -> Result:
    """Change what the host with the data is for, beside the data.

    Raises:
        Refused: the database would have to move, or there is no other host to take the rest.
    """
    own = _own(around)
    refuse_own_roles(roles, own.name)
    others = rooms(around.config.stack, around.nodes.nodes())
    staying = sorted(SERVING - set(roles) - {role for room in others for role in room.roles})
    if len(staying) == len(SERVING):
        raise Refused(
            f"cannot leave `{own.name}` to the database: no other host has the role `web` or `workers`",
            hint="add one first: `instancectl host add USER@ADDRESS --role web --role workers`",
            subject=own.name,
        )
    with around.lock.hold(f"host add {own.name}"):
        changed = _label(own, roles, around)
        around.journal.write("host-added", host=own.name, roles=list(roles))
    lines = [f"{own.name} is for {', '.join(roles)}"]
    lines += [f"what needs the role {role} stays there: no other host has it" for role in staying]
    lines.append("`instancectl deploy` shares the instance out; `instancectl plan` shows how")
    status = Status.CHANGED if changed else Status.UNCHANGED
    return Result(status, {"host": own.name, "roles": list(roles)}, tuple(lines))


def _own(around: Surroundings) -> Node:
    engine = around.nodes.engine()
    return next(node for node in around.nodes.nodes() if node.id == engine.node_id)


def _ready(newcomer: Newcomer, around: Surroundings) -> Node:
    deadline = around.clock.monotonic_seconds() + READY_SECONDS
    while True:
        known = {node.id: node for node in around.nodes.nodes()}
        node = known.get(newcomer.node_id)
        if node is not None and node.state == "ready":
            return node
        if around.clock.monotonic_seconds() > deadline:
            break
        around.clock.sleep(POLL_SECONDS)
    if node is None:
        raise Refused(
            f"cannot add `{newcomer.name}`: it is a member of another Swarm",
            hint="if nothing there is needed any more: `docker swarm leave --force` on that host",
            subject=newcomer.name,
        )
    raise OperationFailed(
        f"`{newcomer.name}` joined, but it is `{node.state}` after {READY_SECONDS} s",
        hint="`wg show` on both hosts tells when they last heard of each other; then run it again",
        subject=newcomer.name,
    )


def _images(node: Node, roles: Sequence[str], around: Surroundings) -> Mapping[str, str]:
    known = around.state.load().images
    needed = {
        reference: known[reference] for reference in images.wanted(around.config, roles) if reference in known
    }
    brought = ship(node, needed, around.store, around.courier, around.reporter)
    applied = around.state.load()
    around.state.save(images.recorded(applied, node.id, {one.reference: one.how for one in brought}))
    return {one.reference: one.said for one in brought}


def _label(node: Node, roles: Sequence[str], around: Surroundings) -> bool:
    """Exactly these roles."""
    changed = False
    for role in ROLES:
        key = role_label(around.config.stack, role)
        has, should = node.labels.get(key) == "true", role in roles
        if should and not has:
            around.nodes.label_node(node.id, key, "true")
        elif has and not should:
            around.nodes.unlabel_node(node.id, key)
        changed = changed or has != should
    return changed


def dismiss(name: str, around: Surroundings) -> Result:
    """Let a host go: empty it, have it leave, forget it. One that is dead is forgotten.

    Raises:
        Refused: it holds the data, or several have that name.
        OperationFailed: something of the instance still runs there.
    """
    stack, settings = around.config.stack, around.config.host.model_dump()
    known = around.nodes.nodes()
    if name not in {one.name for one in known}:
        # An earlier run came as far as this: only the other hosts are left to be told.
        gone = {"was_member": False, "answered": True, "address": "", "homeless": {}, "settings": settings}
        return Result(Status.UNCHANGED, gone, (f"{name} is no host of the Swarm",))
    node = nodes.named(known, name)
    nodes.refuse_data(stack, node, "remove")
    nodes.refuse_last(stack, known, node, "remove")
    with around.lock.hold(f"host remove {name}"):
        left = drained(stack, node, around.nodes, around.clock)
        if left:
            raise OperationFailed(
                f"`{node.name}` still runs {', '.join(left)}: nothing was removed",
                hint="look with `instancectl host list`, then run the same command again",
                subject=node.name,
            )
        answered = node.state == "ready" and _left(node, around)
        around.nodes.forget_node(node.id)
        around.state.save(images.forgotten(around.state.load(), node.id))
        around.journal.write("host-removed", host=node.name, answered=answered)
    said = {
        "was_member": True,
        "answered": answered,
        "address": node.address,
        "homeless": dict(nodes.homeless(stack, around.nodes.placed())),
        "settings": settings,
    }
    return Result(Status.CHANGED, said, (f"{node.name} is no longer a host of the Swarm",))


def _left(node: Node, around: Surroundings) -> bool:
    """Have the host leave by itself; whether it did."""
    try:
        around.courier.leave(node.address)
    except InstanceError as error:
        around.reporter.note(f"{node.name} could not be told to leave: {error.message}")
        return False
    deadline = around.clock.monotonic_seconds() + GONE_SECONDS
    while around.clock.monotonic_seconds() < deadline:
        found = next((one for one in around.nodes.nodes() if one.id == node.id), None)
        if found is None or found.state != "ready":
            break
        around.clock.sleep(POLL_SECONDS)
    return True
