"""One host's variables for the playbook: plain values, nothing secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancectl.core.host import docker, keys, sizing
from instancectl.core.host.facts import HostFacts
from instancectl.core.host.files import HostFile
from instancectl.core.host.record import HostRecord, Mesh
from instancectl.core.host.roles import ROLES
from instancectl.core.host.settings import MESH_INTERFACE, MESH_PORT, HostSettings, Peer, intended_ports

MEDIA_OWNER = "991"
"""uid and gid of `mastodon` in upstream's images; on a host the number may have any name or none."""

_OLD_PYTHON = ("ubuntu", "22.04")
_SPLIT_DOCKER_CLI = {("debian", "13")}
"""Systems whose docker.io only recommends its command line."""


@dataclass(frozen=True, slots=True)
class Program:
    """instancectl as it is sent to hosts.

    Attributes:
        archive: tar.gz on the controller.
        release: fingerprint of the code.
        lock: fingerprint of its dependencies.
    """

    archive: str
    release: str
    lock: str


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that decides what one host becomes.

    Attributes:
        settings: what it should be.
        facts: what it is.
        peers: the other hosts.
        files: rendered; see `files.managed_files`.
        program: instancectl itself.
        version: of instancectl.
        connection: Ansible's variables for reaching it.
        proof: a command on the controller that logs in anew as the admin user; empty when there is none.
        controller_python: interpreter for tasks on the controller.
    """

    settings: HostSettings
    facts: HostFacts
    peers: Sequence[Peer]
    files: Sequence[HostFile]
    program: Program
    version: str
    connection: Mapping[str, Any]
    proof: Sequence[str]
    controller_python: str


def variables(desired: Desired) -> dict[str, Any]:
    """The host's part of the inventory."""
    settings, facts = desired.settings, desired.facts
    found = admin_keys(settings, facts)
    directories = _directories(desired)
    venv = f"venv-{desired.program.lock}-{python(facts).rpartition('/')[2]}"
    units = own_units(desired)
    return {
        **desired.connection,
        "ansible_python_interpreter": "/usr/bin/python3",
        "host_controller_python": desired.controller_python,
        "host_look": {
            "files": [file.path for file in desired.files],
            "marks": _marks(desired.files),
            "directories": [directory["path"] for directory in directories],
            "packages": list(packages(settings, facts)),
            "units": [*units, "docker.service", "apt-daily.timer", "apt-daily-upgrade.timer"],
            "admin_user": settings.admin_user,
            "admin_keys": list(found),
            "mounts": list(settings.mounts),
            "venv": venv,
            "release": desired.program.release,
        },
        "host_files": _by_role(desired.files),
        "host_applied": {
            file.path.rpartition("/")[2]: file.as_variables()
            for file in desired.files
            if file.role == "applied"
        },
        "host_directories": directories,
        "host_timezone": settings.timezone,
        "host_admin_user": settings.admin_user,
        "host_admin_keys": list(found),
        "host_container": bool(facts.container),
        "host_swap": sizing.swap_mib(settings, facts) > 0,
        "host_firewall": settings.firewall,
        "host_ipv6": docker.has_ipv6(facts),
        "host_docker_key": _docker_key(settings, facts),
        "host_own_units": list(units),
        "host_started_units": [unit for unit in _started() if unit in units],
        "host_program": {
            "archive": desired.program.archive,
            "release": desired.program.release,
            "venv": venv,
            "python": python(facts),
        },
        # Without a key nobody could log in any more.
        "host_proof": list(desired.proof) if found else [],
        "host_record": record(desired).as_json(),
    }


def admin_keys(settings: HostSettings, facts: HostFacts) -> tuple[str, ...]:
    """Keys that the admin user gets: those that let us in, and those of `[host]`."""
    return keys.usable((*facts.login_keys, *settings.admin_keys))


def packages(settings: HostSettings, facts: HostFacts) -> tuple[str, ...]:
    """What must be installed; one transaction of apt."""
    system = (facts.system, facts.version)
    venv = "python3.11-venv" if system == _OLD_PYTHON else "python3-venv"
    base = (
        "ca-certificates", "iproute2", "nftables", "openssh-server", "procps", "sudo",
        "unattended-upgrades", "wireguard-tools", venv,
    )  # fmt: skip
    return (*base, *_docker_packages(settings, facts))


def _docker_key(settings: HostSettings, facts: HostFacts) -> str:
    """Where the key of Docker's repository is; empty when nothing comes from there."""
    wanted = docker.will_come_from_docker(settings, facts)
    return f"{settings.docker_repository}/{facts.system}/gpg" if wanted else ""


def _docker_packages(settings: HostSettings, facts: HostFacts) -> tuple[str, ...]:
    if docker.will_come_from_docker(settings, facts):
        return (*docker.UPSTREAM_PACKAGES, "iptables", "apparmor")
    if facts.docker_package and facts.docker_package != "docker.io":
        return ()  # Docker's own packages, or one by hand: what runs stays
    cli = ("docker-cli",) if (facts.system, facts.version) in _SPLIT_DOCKER_CLI else ()
    # The kernel of these systems has AppArmor on: without its parser no container starts.
    return ("docker.io", *cli, "iptables", "apparmor")


def python(facts: HostFacts) -> str:
    """The interpreter that runs instancectl on the host."""
    return "/usr/bin/python3.11" if (facts.system, facts.version) == _OLD_PYTHON else "/usr/bin/python3"


def own_units(desired: Desired) -> tuple[str, ...]:
    """Units that must be enabled, in the order in which they are started."""
    placed = {file.path.rpartition("/")[2] for file in desired.files}
    swap = () if desired.facts.container else ("instancectl-swap.service",)
    names = ("instancectl-firewall.service", *swap, *_started(), "instancectl-exposure.service")
    return (*(name for name in names if name in placed), f"wg-quick@{MESH_INTERFACE}.service")


def _started() -> tuple[str, ...]:
    names = ("check", "backup", "wal", "drill")
    return ("instancectl-agent.service", *(f"instancectl-{name}.timer" for name in names))


def record(desired: Desired) -> HostRecord:
    """What is written down, as far as it is known beforehand."""
    settings, facts = desired.settings, desired.facts
    managed = {file.path: file.sha256 for file in desired.files if file.role != "applied"}
    return HostRecord(
        version=desired.version,
        name=facts.hostname,
        admin_user=settings.admin_user,
        ssh_port=facts.ssh_port,
        ssh_closed=False,
        roles=tuple(role.name for role in ROLES),
        mesh=Mesh(settings.own_mesh_address, "", MESH_PORT),
        peers=tuple(desired.peers),
        files=managed,
        units=("docker.service", *own_units(desired)),
        intended_ports=intended_ports(settings, facts.ssh_port),
        firewall=settings.firewall,
        swap_mib=sizing.swap_mib(settings, facts),
    )


def _marks(files: Sequence[HostFile]) -> dict[str, dict[str, Any]]:
    """Role → its mark, and the files that its services must have been told of."""
    return {
        mark.path.rpartition("/")[2]: {
            "path": mark.path,
            "line": mark.line,
            "files": [file.line for file in files if file.after == mark.path.rpartition("/")[2]],
        }
        for mark in files
        if mark.role == "applied"
    }


def _by_role(files: Sequence[HostFile]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {role.name: [] for role in ROLES}
    for file in files:
        found.setdefault(file.role, []).append(file.as_variables())
    return found


def _directories(desired: Desired) -> list[dict[str, str]]:
    """Where files go and data will lie."""
    placed = {file.path.rpartition("/")[0] for file in desired.files}
    drop_ins = sorted(path for path in placed if path.endswith((".d", "/docker")))
    return [
        _directory("/etc/instancectl", "0700"),
        _directory("/etc/wireguard", "0700"),
        _directory("/opt/instancectl", "0755"),
        _directory("/opt/instancectl/releases", "0755"),
        _directory("/var/lib/instancectl", "0755"),
        _directory("/var/lib/instancectl/applied", "0755"),
        _directory("/var/lib/instancectl/media", "0755", MEDIA_OWNER),
        *(_directory(path, "0755") for path in drop_ins if path not in _SYSTEM),
    ]


_SYSTEM = {"/etc/sudoers.d", "/etc/sysctl.d", "/etc/apt/apt.conf.d", "/etc/security/limits.d"}
"""Directories that packages own, with rights of their own."""


def _directory(path: str, mode: str, owner: str = "0") -> dict[str, str]:
    return {
        "path": path,
        "mode": mode,
        "owner": owner,
        "group": owner,
        "line": f"{mode} {owner} {owner} {path}",
    }
