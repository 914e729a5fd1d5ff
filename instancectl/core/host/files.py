"""Every file that provisioning places on a host, rendered; nothing in them is secret."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancectl.core.host import docker, sizing
from instancectl.core.host.docker import DAEMON_JSON, SHUTDOWN_SECONDS, daemon_json
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.settings import (
    MESH_INTERFACE,
    MESH_MTU,
    MESH_PORT,
    SWARM_PORTS,
    WATCH_PORTS,
    HostSettings,
    Peer,
    intended_ports,
)

Fill = Callable[[str, Mapping[str, object]], str]
"""(template, values) → text."""

SWAP_FILE = "/var/lib/instancectl.swap"
SSHD = "/etc/ssh/sshd_config.d/01-instancectl.conf"
FIREWALL = "/etc/instancectl/firewall.nft"
APPLIED = "/var/lib/instancectl/applied"
"""One file for each role: the fingerprint of the files that its services were last told of."""

_VALIDATE = {
    SSHD: "/usr/sbin/sshd -t -f %s",
    FIREWALL: "/usr/sbin/nft -c -f %s",
    "/etc/sudoers.d/instancectl": "/usr/sbin/visudo -cf %s",
    DAEMON_JSON: "/bin/sh -c 'if dockerd --help 2>&1 | grep -q -e --validate; then "
    'dockerd --validate --config-file "$0"; fi\' %s',
}
"""Commands that refuse a broken file before it is in place."""


@dataclass(frozen=True, slots=True)
class HostFile:
    """One file.

    Attributes:
        role: which role places it.
        path: where.
        content: whole.
        owner: user name.
        group: group name.
        mode: four octal digits.
        after: what must be told when it changed: the role's name, or empty when nothing has to be.
    """

    role: str
    path: str
    content: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    after: str = ""

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def line(self) -> str:
        """How the look at the host describes a file that is as it should be."""
        return f"{self.sha256} {self.mode} {self.owner} {self.group} {self.path}"

    def as_variables(self) -> dict[str, str]:
        """For the playbook."""
        return {
            "path": self.path,
            "content": self.content,
            "owner": self.owner,
            "group": self.group,
            "mode": self.mode,
            "line": self.line,
            "validate": _VALIDATE.get(self.path, ""),
        }


def managed_files(
    settings: HostSettings,
    facts: HostFacts,
    fill: Fill,
    *,
    peers: Sequence[Peer] = (),
    daemon: str = "",
    release: str = "",
) -> tuple[HostFile, ...]:
    """All files of one host.

    Args:
        settings: what it should be.
        facts: what it is.
        fill: the template engine.
        peers: the other hosts of the instance.
        daemon: the text of `/etc/docker/daemon.json` as it is; what an admin wrote there stays.
        release: fingerprint of the code that units run.
    """
    files = (
        *_login(settings, fill),
        *_upkeep(settings, facts, fill),
        *_docker(settings, facts, fill, daemon),
        *_mesh(settings, facts, peers, fill),
        *_firewall(settings, facts, peers, fill),
        *_units(fill, release),
    )
    return (*files, *_applied(files))


def fingerprint(files: Iterable[HostFile]) -> str:
    """Of content, place and rights; the same for the same files in any order."""
    return hashlib.sha256("\n".join(sorted(file.line for file in files)).encode()).hexdigest()


def _login(settings: HostSettings, fill: Fill) -> Iterator[HostFile]:
    values = {"admin_user": settings.admin_user}
    sudoers = fill("host/sudoers.j2", values)
    yield HostFile("admin", "/etc/sudoers.d/instancectl", sudoers, mode="0440")
    yield HostFile("ssh", SSHD, fill("host/sshd.conf.j2", values), after="ssh")


def _upkeep(settings: HostSettings, facts: HostFacts, fill: Fill) -> Iterator[HostFile]:
    window = settings.reboot_window
    text = fill("host/unattended-upgrades.conf.j2", {"reboot_window": window})
    yield HostFile("updates", "/etc/apt/apt.conf.d/52instancectl", text)
    if window:
        text = fill("host/apt-daily-upgrade.timer.j2", {"upgrade_time": _half_an_hour_before(window)})
        path = "/etc/systemd/system/apt-daily-upgrade.timer.d/instancectl.conf"
        yield HostFile("updates", path, text, after="updates")
    text = fill("host/sysctl.conf.j2", {"settings": sizing.kernel_settings(facts)})
    yield HostFile("kernel", "/etc/sysctl.d/60-instancectl.conf", text, after="kernel")
    text = fill("host/limits.conf.j2", {"open_files": sizing.open_files(facts)})
    yield HostFile("kernel", "/etc/security/limits.d/60-instancectl.conf", text)
    swap = sizing.swap_mib(settings, facts)
    if swap:
        text = fill("host/instancectl-swap.service.j2", {"swap_mib": swap, "swap_file": SWAP_FILE})
        yield HostFile("kernel", "/etc/systemd/system/instancectl-swap.service", text, after="kernel")


def _half_an_hour_before(window: str) -> str:
    hours, minutes = (int(part) for part in window.split(":"))
    earlier = (hours * 60 + minutes - 30) % (24 * 60)
    return f"{earlier // 60:02}:{earlier % 60:02}"


def _docker(settings: HostSettings, facts: HostFacts, fill: Fill, daemon: str) -> Iterator[HostFile]:
    if docker.has_own_repository(settings, facts):
        place = {"repository": f"{settings.docker_repository}/{facts.system}", "codename": facts.codename}
        yield HostFile("packages", docker.SOURCES, fill("host/docker.sources.j2", place))
    text = daemon_json(daemon, experiment=docker.needs_experiment(settings, facts))
    yield HostFile("docker", DAEMON_JSON, text, after="docker")
    values = {"shutdown_seconds": SHUTDOWN_SECONDS, "interface": MESH_INTERFACE}
    text = fill("host/docker.service.j2", values)
    yield HostFile("docker", "/etc/systemd/system/docker.service.d/instancectl.conf", text, after="docker")


def _mesh(settings: HostSettings, facts: HostFacts, peers: Sequence[Peer], fill: Fill) -> Iterator[HostFile]:
    if facts.container:
        path = f"/etc/systemd/system/wg-quick@{MESH_INTERFACE}.service.d/instancectl.conf"
        yield HostFile("mesh", path, fill("host/wg-quick.service.j2", {}), after="mesh")
    values = {
        "interface": MESH_INTERFACE,
        "address": settings.own_mesh_address,
        "prefix_length": settings.mesh_prefix_length,
        "port": MESH_PORT,
        "mtu": MESH_MTU,
        "peers": [_peer(peer) for peer in sorted(peers, key=lambda peer: peer.mesh_address)],
    }
    text = fill("host/wireguard.conf.j2", values)
    yield HostFile("mesh", f"/etc/wireguard/{MESH_INTERFACE}.conf", text, mode="0600", after="mesh")


def _peer(peer: Peer) -> dict[str, Any]:
    endpoint = ""
    if peer.public_addresses:
        first = peer.public_addresses[0]
        endpoint = f"[{first}]:{MESH_PORT}" if ":" in first else f"{first}:{MESH_PORT}"
    return {
        "name": peer.name,
        "public_key": peer.public_key,
        "mesh_address": peer.mesh_address,
        "endpoint": endpoint,
    }


def _firewall(
    settings: HostSettings, facts: HostFacts, peers: Sequence[Peer], fill: Fill
) -> Iterator[HostFile]:
    if not settings.firewall:
        return
    addresses = sorted({address for peer in peers for address in peer.public_addresses})
    versions = {address: ipaddress.ip_address(address).version for address in addresses}
    ports = intended_ports(settings, facts.ssh_port)
    values = {
        "ssh_port": facts.ssh_port,
        "tcp_ports": _numbers(ports, "tcp"),
        "udp_ports": _numbers(ports, "udp"),
        "peers4": [address for address in addresses if versions[address] == 4],
        "peers6": [address for address in addresses if versions[address] == 6],
        "mesh": {
            "interface": MESH_INTERFACE,
            "subnet": settings.mesh_subnet,
            "port": MESH_PORT,
            "tcp": [*_numbers(SWARM_PORTS, "tcp"), *sorted(WATCH_PORTS.values())],
            "udp": _numbers(SWARM_PORTS, "udp"),
        },
    }
    yield HostFile("firewall", FIREWALL, fill("host/firewall.nft.j2", values), mode="0600", after="firewall")
    unit = "instancectl-firewall.service"
    text = fill(f"host/{unit}.j2", {})
    yield HostFile("firewall", f"/etc/systemd/system/{unit}", text, after="firewall")


def _numbers(ports: Iterable[str], protocol: str) -> list[int]:
    return [int(port.partition("/")[0]) for port in ports if port.endswith(f"/{protocol}")]


def _units(fill: Fill, release: str) -> Iterator[HostFile]:
    # Its only use is to differ: then what runs the old code is started anew.
    yield HostFile("units", "/var/lib/instancectl/release", f"{release}\n", after="units")
    yield HostFile("program", "/usr/local/bin/instancectl", fill("host/wrapper.j2", {}), mode="0755")
    timed = [
        f"{name}.{kind}" for name in ("check", "backup", "wal", "drill") for kind in ("service", "timer")
    ]
    for unit in ("agent.service", *timed, "exposure.service"):
        text = fill(f"host/instancectl-{unit}.j2", {})
        yield HostFile("units", f"/etc/systemd/system/instancectl-{unit}", text, after="units")


def _applied(files: Sequence[HostFile]) -> Iterator[HostFile]:
    """Marks that are placed after a service was told of its files: a run killed in between tells it again."""
    for role in dict.fromkeys(file.after for file in files if file.after):
        mark = fingerprint(file for file in files if file.after == role)
        yield HostFile("applied", f"{APPLIED}/{role}", f"{mark}\n")
