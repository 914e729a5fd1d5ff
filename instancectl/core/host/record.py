"""What provisioning did to a host: `/etc/instancectl/host.json`, readable by everybody, without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instancectl.core.host.settings import Peer

PATH = "/etc/instancectl/host.json"
SCHEMA = "instancectl-host/1"
"""Fields are added, never renamed."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """The host's place in the mesh; `public_key` is empty until the host made its key."""

    address: str
    public_key: str
    port: int


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One provisioned host.

    Attributes:
        version: of instancectl that provisioned it.
        name: as the host calls itself.
        admin_user: who may log in.
        ssh_port: where sshd listens.
        ssh_closed: whether root's login and passwords are closed.
        roles: names of what was done, in order.
        mesh: its place in the mesh.
        peers: the other hosts it knows.
        files: path → SHA-256 of every file that is ours.
        units: what must be enabled.
        intended_ports: what may answer from outside, `22/tcp`.
        firewall: whether ours must be loaded.
        swap_mib: size of our swap file; 0 when there is none.
    """

    version: str
    name: str
    admin_user: str
    ssh_port: int
    ssh_closed: bool
    roles: tuple[str, ...]
    mesh: Mesh
    peers: tuple[Peer, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    intended_ports: tuple[str, ...] = ()
    firewall: bool = True
    swap_mib: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "name": self.name,
            "admin_user": self.admin_user,
            "ssh_port": self.ssh_port,
            "ssh_closed": self.ssh_closed,
            "roles": list(self.roles),
            "mesh": {
                "address": self.mesh.address,
                "public_key": self.mesh.public_key,
                "port": self.mesh.port,
            },
            "peers": [_peer_json(peer) for peer in self.peers],
            "files": dict(sorted(self.files.items())),
            "units": list(self.units),
            "intended_ports": list(self.intended_ports),
            "firewall": self.firewall,
            "swap_mib": self.swap_mib,
        }


def parse(text: str) -> HostRecord | None:
    """The record in a file's text; None when it is none, or of a schema this version does not know."""
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return from_json(data) if isinstance(data, Mapping) else None


def from_json(data: Mapping[str, Any]) -> HostRecord | None:
    """The record behind plain values; see `parse`."""
    if data.get("schema") != SCHEMA:
        return None
    try:
        mesh = data["mesh"]
        return HostRecord(
            version=data["version"],
            name=data["name"],
            admin_user=data["admin_user"],
            ssh_port=int(data["ssh_port"]),
            ssh_closed=bool(data["ssh_closed"]),
            roles=tuple(data["roles"]),
            mesh=Mesh(mesh["address"], mesh["public_key"], int(mesh["port"])),
            peers=tuple(_peer(peer) for peer in data.get("peers", ())),
            files=dict(data["files"]),
            units=tuple(data["units"]),
            intended_ports=tuple(data["intended_ports"]),
            firewall=bool(data.get("firewall", True)),
            swap_mib=int(data.get("swap_mib", 0)),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _peer(data: Mapping[str, Any]) -> Peer:
    return Peer(data["name"], tuple(data["public_addresses"]), data["mesh_address"], data["public_key"])


def _peer_json(peer: Peer) -> dict[str, Any]:
    return {
        "name": peer.name,
        "public_addresses": list(peer.public_addresses),
        "mesh_address": peer.mesh_address,
        "public_key": peer.public_key,
    }
