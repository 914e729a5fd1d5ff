"""On the host that joins: become a worker of the Swarm, and let the manager bring images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from instancectl.core.result import Result, Status
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed
from instancectl.ports.swarm_nodes import SwarmNodes


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the manager says, over stdin: the token never stands in a command line.

    Attributes:
        manager: `ADDRESS:PORT`.
        address: of the joining host, inside the private network.
        courier_key: public key with which the manager brings images.
        admin_user: whose login it is.
    """

    manager: str
    token: Secret
    address: str
    courier_key: str
    admin_user: str


def join(
    invitation: Invitation,
    nodes: SwarmNodes,
    authorise: Callable[[str, str], None],
    host_keys: Callable[[], tuple[str, ...]],
) -> Result:
    """Join, unless this host is in a Swarm already; whether it is the right one the manager judges.

    Args:
        invitation: from the manager.
        nodes: this host's Engine.
        authorise: (user, public key) → may bring images, and nothing else.
        host_keys: sshd's public keys, for the manager to know.

    Raises:
        OperationFailed: the manager could not be reached, or refused.
    """
    authorise(invitation.admin_user, invitation.courier_key)
    engine = nodes.engine()
    changed = engine.swarm != "active"
    if changed:
        if engine.swarm != "inactive":
            # An attempt that was interrupted goes on in the background, and stands in the way of a new one.
            nodes.leave()
        _join(invitation, nodes)
        engine = nodes.engine()
    if engine.swarm != "active":
        raise OperationFailed(
            f"cannot join the Swarm: this host's state in it is `{engine.swarm}`",
            hint="look with `docker info`; run the same command again",
        )
    return Result(
        Status.CHANGED if changed else Status.UNCHANGED,
        {"node_id": engine.node_id, "host_keys": list(host_keys())},
        (f"this host is a worker of {invitation.manager}",),
    )


def _join(invitation: Invitation, nodes: SwarmNodes) -> None:
    try:
        nodes.join(invitation.manager, invitation.token, invitation.address)
    except OperationFailed as error:
        raise OperationFailed(
            f"cannot join the Swarm of {invitation.manager} as {invitation.address}: {error.message}",
            hint="is 51820/udp open between the hosts, also in the provider's firewall? "
            "`wg show` tells when the other one was last heard; then run the same command again",
            subject=invitation.manager,
        ) from None
