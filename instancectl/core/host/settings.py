"""What a host should be, as values: `[host]` and the place of the host among the others."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from instancectl.core.config_host import Host

MESH_INTERFACE = "instancectl0"
"""Name of the WireGuard interface."""

MESH_PORT = 51820
"""UDP port of the mesh: WireGuard's own."""

MESH_MTU = 1420
"""1500 − 80: what WireGuard adds over IPv6."""

PUBLIC_PORTS = ("80/tcp", "443/tcp", "443/udp")
"""What an instance answers on, beside SSH."""

SWARM_PORTS = ("2377/tcp", "7946/tcp", "7946/udp", "4789/udp")
"""What Swarm needs between hosts; open on the mesh only."""

WATCH_PORTS = {"listen": 9394, "prometheus_listen": 9090, "alertmanager_listen": 9093}
"""Keys of `[monitoring]` → TCP ports of the mesh, for Prometheus on another host; open on the mesh only."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another host of the same instance.

    Attributes:
        name: as it calls itself.
        public_addresses: where its mesh traffic comes from and goes to; the first is the endpoint.
        mesh_address: inside the mesh, without prefix.
        public_key: of its WireGuard interface.
    """

    name: str
    public_addresses: tuple[str, ...]
    mesh_address: str
    public_key: str


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What one host should be.

    Attributes:
        admin_user: login with `sudo` that replaces root's.
        admin_keys: further public keys that may log in.
        reboot_window: `HH:MM` in the host's time, or empty for never.
        swap_mib: size of the swap file; -1 sizes it to the machine.
        firewall: whether ours is loaded.
        open_ports: further intended ports, `25/tcp`.
        mesh_subnet: of the WireGuard network.
        mesh_address: the host's own in it, without prefix; empty takes the first.
        timezone: empty leaves it.
        mounts: directories that must be mount points.
        docker_from: `distribution`, or `docker` for Docker's own repository.
        docker_repository: its address.
    """

    admin_user: str = "admin"
    admin_keys: tuple[str, ...] = ()
    reboot_window: str = "03:30"
    swap_mib: int = -1
    firewall: bool = True
    open_ports: tuple[str, ...] = ()
    mesh_subnet: str = "10.86.0.0/24"
    mesh_address: str = ""
    timezone: str = ""
    mounts: tuple[str, ...] = ()
    docker_from: str = "distribution"
    docker_repository: str = "https://download.docker.com/linux"

    @property
    def own_mesh_address(self) -> str:
        """The host's address in the mesh: as given, or the first of the subnet."""
        return self.mesh_address or str(next(ipaddress.ip_network(self.mesh_subnet).hosts()))

    @property
    def mesh_prefix_length(self) -> int:
        """Of the mesh's subnet."""
        return ipaddress.ip_network(self.mesh_subnet).prefixlen


def from_section(section: Host) -> HostSettings:
    """The settings that `[host]` holds."""
    return HostSettings(
        admin_user=section.admin_user,
        admin_keys=section.admin_keys,
        reboot_window=section.reboot_window,
        swap_mib=section.swap_mib,
        firewall=section.firewall,
        open_ports=section.open_ports,
        mesh_subnet=section.mesh_subnet,
        timezone=section.timezone,
        mounts=section.mounts,
        docker_from=section.docker_from,
        docker_repository=section.docker_repository,
    )


def intended_ports(settings: HostSettings, ssh_port: int) -> tuple[str, ...]:
    """Every port that may answer from outside, `22/tcp` first; the mesh's answers its peers only."""
    return tuple(dict.fromkeys((f"{ssh_port}/tcp", *PUBLIC_PORTS, *settings.open_ports)))
