"""Empties a host: Swarm moves its replicas elsewhere; and fills it again."""

from __future__ import annotations

from instancectl.core.host import nodes as hosts
from instancectl.core.observed import Node
from instancectl.core.result import Result, Status
from instancectl.errors import OperationFailed
from instancectl.ports.clock import Clock
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.swarm_nodes import SwarmNodes

EMPTY_SECONDS = 180
"""Sidekiq may take its grace of 60 s; several may end one after the other."""

POLL_SECONDS = 0.5


def drain(stack: str, name: str, nodes: SwarmNodes, journal: Journal, lock: Lock, clock: Clock) -> Result:
    """Have everything leave a host and wait until nothing of the instance runs there.

    Raises:
        Refused: it holds the data, or there is no such host.
        OperationFailed: something still runs there after three minutes.
    """
    known = nodes.nodes()
    node = hosts.named(known, name)
    hosts.refuse_data(stack, node, "drain")
    hosts.refuse_last(stack, known, node, "drain")
    with lock.hold(f"host drain {name}"):
        before = node.availability == "drain" and not hosts.on(stack, node, nodes.placed())
        left = drained(stack, node, nodes, clock)
        if left:
            raise OperationFailed(
                f"`{name}` still runs {', '.join(left)} after {EMPTY_SECONDS} s; Swarm goes on moving them",
                hint="run the same command again to wait on",
                subject=name,
            )
        journal.write("host-drained", host=name)
    homeless = hosts.homeless(stack, nodes.placed())
    lines = [f"{name} runs nothing of this instance; `instancectl host drain {name} --undo` ends that"]
    lines += [f"no other host has room for {count} × {service}: they wait" for service, count in homeless]
    status = Status.UNCHANGED if before else Status.CHANGED
    return Result(status, {"host": name, "availability": "drain", "homeless": dict(homeless)}, tuple(lines))


def undo(name: str, nodes: SwarmNodes, journal: Journal, lock: Lock) -> Result:
    """Let a host have replicas again; what runs elsewhere stays there until it is replaced."""
    node = hosts.named(nodes.nodes(), name)
    if node.availability == "active":
        return Result(Status.UNCHANGED, {"host": name, "availability": "active"}, (f"{name} is not drained",))
    with lock.hold(f"host drain {name} --undo"):
        nodes.set_availability(node.id, "active")
        journal.write("host-undrained", host=name)
    lines = (
        f"{name} takes replicas again: those that waited start there now, others when they are next replaced",
    )
    return Result(Status.CHANGED, {"host": name, "availability": "active"}, lines)


def drained(stack: str, node: Node, nodes: SwarmNodes, clock: Clock) -> tuple[str, ...]:
    """Empty a host; what still runs there in the end."""
    if node.availability != "drain":
        nodes.set_availability(node.id, "drain")
    deadline = clock.monotonic_seconds() + EMPTY_SECONDS
    while True:
        now = hosts.named(nodes.nodes(), node.id)
        left = hosts.on(stack, now, nodes.placed())
        if not left or clock.monotonic_seconds() > deadline:
            return tuple(sorted({one.service.removeprefix(f"{stack}_") for one in left}))
        clock.sleep(POLL_SECONDS)
