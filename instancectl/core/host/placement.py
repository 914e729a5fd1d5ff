"""Roles of hosts, the node labels they become, and what may be given to whom.

The first host holds the data and carries every role. `db`, `redis`, `proxy`, `cache` and the base
`sidekiq` stay there; `web` and `streaming` follow the role `web`, `sidekiq-…` the role `workers`.
Prometheus and Alertmanager are on one host: the first by name that has the role `monitoring`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from instancectl.core.config import InstanceConfig
from instancectl.core.observed import Node
from instancectl.core.sizes import ROLES, SERVING, Home, Room, Share
from instancectl.errors import Refused

DATABASE_HOW_TO: Final = "docs/how-to/add-a-host.md"
MEDIA_HOW_TO: Final = "docs/how-to/put-media-on-s3.md"


def data_label(stack: str) -> str:
    """Label of the node that holds the stack's volumes."""
    return f"instancectl.data.{stack}"


def role_label(stack: str, role: str) -> str:
    """Label of the nodes that have a role."""
    return f"instancectl.{role}.{stack}"


def labels(stack: str) -> tuple[str, ...]:
    """Every label a stack may put on a node."""
    return (data_label(stack), *(role_label(stack, role) for role in ROLES))


def roles_of(stack: str, node: Node) -> frozenset[str]:
    """The roles a node has for a stack; the one with the data has all until an admin takes some away."""
    given = frozenset(role for role in ROLES if node.labels.get(role_label(stack, role)) == "true")
    if holds_data(stack, node):
        return given or frozenset(ROLES)
    return given


def holds_data(stack: str, node: Node) -> bool:
    """Whether the stack's volumes are on this node."""
    return node.labels.get(data_label(stack)) == "true"


def rooms(stack: str, nodes: Iterable[Node], *, drained: bool = False) -> tuple[Room, ...]:
    """What the other hosts offer; one that is down counts, for it is expected back.

    Args:
        stack: whose roles count.
        nodes: of the Swarm.
        drained: count drained hosts, too.
    """
    known = tuple(nodes)
    home = next((Home(one.address, roles_of(stack, one)) for one in known if holds_data(stack, one)), Home())
    return tuple(
        Room(node.name, node.memory_bytes, node.cores, roles, node.address, home)
        for node in known
        for roles in [roles_of(stack, node)]
        if roles and not holds_data(stack, node) and (drained or node.availability == "active")
    )


def constraints(stack: str, share: Share | None) -> tuple[str, ...]:
    """Where a service may run, once there are several hosts."""
    here = f"node.labels.{data_label(stack)}"
    if share is None or (share.hosts == 1 and not share.elsewhere):
        return (f"{here}==true",)
    role = f"node.labels.{role_label(stack, share.role)}==true"
    elsewhere = (f"{here}!=true",) if share.elsewhere else ()
    return (role, *elsewhere, *(f"node.hostname!={name}" for name in share.avoided))


def allowed(wanted: Iterable[str], node: Node) -> bool:
    """Whether a host that answers and is not drained fulfils all constraints; one nobody knows is not."""
    return (node.state, node.availability) == ("ready", "active") and all(
        _fulfilled(constraint, node) for constraint in wanted
    )


def _fulfilled(constraint: str, node: Node) -> bool:
    for sign in ("==", "!="):
        key, found, value = (part.strip() for part in constraint.partition(sign))
        if not found:
            continue
        if key.startswith("node.labels."):
            seen = node.labels.get(key.removeprefix("node.labels."), "")
        elif key == "node.hostname":
            seen = node.name
        elif key == "node.role":
            seen = "manager" if node.manager_address else "worker"
        else:
            return False
        return (seen == value) == (sign == "==")
    return False


def watching(stack: str, apart: Room | None) -> tuple[str, ...]:
    """Where Prometheus and Alertmanager run."""
    if apart is None:
        return constraints(stack, None)
    return (f"node.labels.{role_label(stack, 'monitoring')}==true", f"node.hostname=={apart.name}")


def refuse_own_roles(roles: Iterable[str], host: str) -> None:
    """Refuse to take the database from the host that holds it.

    Raises:
        Refused: `db` is not among the roles.
    """
    if "db" not in roles:
        raise Refused(
            f"cannot change the roles of `{host}`: it holds the database, and that stays",
            hint="name `--role db`, too; alone it leaves this host to the database as far as possible",
            subject=host,
        )


def refuse_roles(config: InstanceConfig, roles: Iterable[str], host: str) -> None:
    """Refuse what a further host cannot be for.

    Raises:
        Refused: local media would be on one host only, or the database would have to move.
    """
    wanted = tuple(dict.fromkeys(roles))
    if "db" in wanted:
        raise Refused(
            f"cannot give `{host}` the role `db`: the database stays on the host that holds its volume",
            hint="give it `--role web --role workers`, then add the host with the data again with "
            f"`--role db` alone: what may leave it does. How `{host}` gets the database: {DATABASE_HOW_TO}",
            subject=host,
        )
    serving = [role for role in wanted if role in SERVING]
    if serving and config.media.storage == "local":
        raise Refused(
            f"cannot give `{host}` the role `{serving[0]}`: media are on the disk of one host, "
            "and `web` and `sidekiq` on another would not see them",
            hint=f"put media into an S3 bucket first, see {MEDIA_HOW_TO}",
            subject="media.storage",
        )
