"""What one look at a host tells, and what of it stands in the way of provisioning it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from instancectl.core.check import Finding, Severity
from instancectl.core.units import GIB, show_bytes

SUPPORTED: tuple[tuple[str, str, str], ...] = (
    ("debian", "12", "Debian 12 (bookworm)"),
    ("debian", "13", "Debian 13 (trixie)"),
    ("ubuntu", "22.04", "Ubuntu 22.04 (jammy)"),
    ("ubuntu", "24.04", "Ubuntu 24.04 (noble)"),
)
"""Systems that are provisioned: `ID` and `VERSION_ID` of os-release, and their name for people."""

DISK_NEEDED_BYTES = 3 * GIB
"""Packages, Docker Engine and one release of Mastodon's images (1.3 GiB unpacked) with room to unpack."""

MEMORY_NEEDED_BYTES = GIB * 9 // 10
"""The smallest VPS that is sold as 1 GiB; what an instance needs is judged by its layout."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One host, as one look saw it. A text is empty and a number 0 when there is nothing or nobody knows.

    Attributes:
        hostname: as the host calls itself.
        system: `ID` of os-release: `debian`, `ubuntu`.
        version: `VERSION_ID` of os-release: `12`, `24.04`.
        codename: `VERSION_CODENAME` of os-release: `bookworm`.
        machine: the processor's architecture: `x86_64`, `aarch64`.
        python: the version of the `python3` that looked.
        pythons: versions of at least 3.11 that are installed.
        python_offered: whether apt has, or will have, a Python of at least 3.11.
        user: who looked.
        sudo: `root`, `passwordless`, `password` (it asks for one) or `none`.
        memory_bytes: all of it.
        swap_bytes: all of it.
        cores: those of the machine.
        disk_free_bytes: of the file system of `/`, for root; None when nobody could look.
        container: what the host is inside of: `docker`, `lxc`, `openvz` …; empty for a machine.
        systemd: whether systemd is PID 1.
        ssh_port: where sshd listens.
        addresses: global ones, IPv4 first.
        dpkg_problem: what a half-done package run left, in words.
        dpkg_holder: which process holds the package manager's lock.
        held_packages: packages that apt may not change.
        docker_version: of the Docker Engine.
        docker_package: what brought it: `docker.io`, `docker-ce`, `snap`, `podman-docker` … or `unknown`.
        swarm: `LocalNodeState`: `inactive`, `active`, `pending`, `error`, `locked`.
        login_keys: lines of the login user's authorized_keys.
        mesh_public_key: of the host's WireGuard interface.
        record: `/etc/instancectl/host.json`; None when the host was not provisioned.
        instancectl: the version that is installed.
        clock_epoch_seconds: what time the host thinks it is.
    """

    hostname: str = ""
    system: str = ""
    version: str = ""
    codename: str = ""
    machine: str = ""
    python: str = ""
    pythons: tuple[str, ...] = ()
    python_offered: bool = False
    user: str = ""
    sudo: str = "none"
    memory_bytes: int = 0
    swap_bytes: int = 0
    cores: int = 0
    disk_free_bytes: int | None = None
    container: str = ""
    systemd: bool = False
    ssh_port: int = 22
    addresses: tuple[str, ...] = ()
    dpkg_problem: str = ""
    dpkg_holder: str = ""
    held_packages: tuple[str, ...] = ()
    docker_version: str = ""
    docker_package: str = ""
    swarm: str = ""
    login_keys: tuple[str, ...] = ()
    mesh_public_key: str = ""
    record: Mapping[str, Any] | None = None
    instancectl: str = ""
    clock_epoch_seconds: int = 0

    @property
    def name(self) -> str:
        """The system for people."""
        known = {(system, version): name for system, version, name in SUPPORTED}
        return known.get((self.system, self.version), f"{self.system} {self.version}".strip() or "unknown")

    @property
    def supported(self) -> bool:
        """Whether this system can be provisioned."""
        return any((self.system, self.version) == (system, version) for system, version, _ in SUPPORTED)

    @property
    def provisioned(self) -> bool:
        """Whether a provisioning once ran to its end."""
        return self.record is not None


def from_json(data: Mapping[str, Any]) -> HostFacts:
    """Facts from the look's document; a key it does not know keeps its default, strangers are ignored."""
    known = {field.name for field in fields(HostFacts)} & set(data)
    values: dict[str, Any] = {key: _frozen(data[key]) for key in known}
    return HostFacts(**values)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def problems(facts: HostFacts) -> tuple[Finding, ...]:
    """What stands in the way of provisioning: `fail` forbids it, `warn` is worth knowing first."""
    return (*_system(facts), *_login(facts), *_packages(facts), *_docker(facts), *_room(facts))


def _fail(check: str, seen: str, needed: str, hint: str) -> Finding:
    return Finding(f"host-{check}", Severity.FAIL, seen, needed, hint)


def _warn(check: str, seen: str, needed: str, hint: str) -> Finding:
    return Finding(f"host-{check}", Severity.WARN, seen, needed, hint)


def _system(facts: HostFacts) -> Iterator[Finding]:
    names = ", ".join(name for _, _, name in SUPPORTED)
    if not facts.supported:
        yield _fail(
            "system",
            f"the host runs {facts.name}",
            f"one of: {names}",
            "reinstall the server with one of these; most providers offer that in their control panel",
        )
        return
    if facts.machine not in {"", "x86_64", "aarch64"}:
        yield _fail(
            "machine",
            f"the processor is `{facts.machine}`",
            "x86_64 or aarch64: others have no images of Mastodon",
            "rent a server of another kind",
        )
    if not facts.systemd:
        yield _fail(
            "systemd",
            "systemd is not the first process",
            "a host whose units systemd starts",
            "choose a virtual server or an LXC container that boots systemd",
        )
    if not facts.pythons and not facts.python_offered:
        yield _fail(
            "python",
            f"Python {facts.python or '?'}, and apt offers no newer one",
            "Python 3.11 or newer",
            "on Ubuntu 22.04: `sudo add-apt-repository universe && sudo apt-get update`",
        )


def _login(facts: HostFacts) -> Iterator[Finding]:
    user = facts.user or "the login"
    if facts.sudo == "password":
        yield _fail(
            "sudo",
            f"`sudo` asks `{user}` for a password",
            "a login that may become root without one",
            f"log in as root, or: `echo '{user} ALL=(ALL) NOPASSWD:ALL' | sudo tee /etc/sudoers.d/{user}`",
        )
    elif facts.sudo == "none":
        yield _fail(
            "sudo",
            f"`{user}` may not become root",
            "root, or a login with `sudo`",
            "use another login: `--host root@…`",
        )


def _packages(facts: HostFacts) -> Iterator[Finding]:
    if facts.dpkg_holder:
        yield _fail(
            "dpkg-lock",
            f"the package manager is in use by {facts.dpkg_holder}",
            "a package manager nobody else is using",
            "wait until it is done (unattended upgrades run after boot), then run this again",
        )
    elif facts.dpkg_problem:
        yield _fail(
            "dpkg",
            f"packages are half installed: {facts.dpkg_problem}",
            "a package manager that finished its last run",
            "`sudo dpkg --configure -a && sudo apt-get -f install`",
        )
    if facts.held_packages:
        yield _warn(
            "held",
            f"packages on hold: {', '.join(facts.held_packages)}",
            "packages that get security updates",
            f"`sudo apt-mark unhold {' '.join(facts.held_packages)}`, unless it is on purpose",
        )


def _docker(facts: HostFacts) -> Iterator[Finding]:
    if facts.docker_package == "snap":
        yield _fail(
            "docker",
            "Docker comes from a snap, which has other paths and units, and restarts when it updates itself",
            "Docker Engine from a package",
            "move away what runs in it, then `sudo snap remove docker`",
        )
    elif facts.docker_package == "podman-docker":
        yield _fail(
            "docker",
            "`docker` is Podman, which has no Swarm",
            "Docker Engine from a package",
            "`sudo apt-get remove podman-docker`",
        )


def _room(facts: HostFacts) -> Iterator[Finding]:
    free = facts.disk_free_bytes
    if free is not None and free < DISK_NEEDED_BYTES and not facts.provisioned:
        yield _fail(
            "disk",
            f"{show_bytes(free)} free on `/`",
            f"{show_bytes(DISK_NEEDED_BYTES)} for packages and images",
            "`sudo apt-get clean && sudo journalctl --vacuum-size=100M`, or a bigger disk",
        )
    elif free is not None and free < GIB // 4:
        yield _fail(
            "disk",
            f"{show_bytes(free)} free on `/`",
            f"{show_bytes(GIB // 4)} to change anything safely",
            "`docker image prune -a`, `sudo journalctl --vacuum-size=100M`, or a bigger disk",
        )
    if 0 < facts.memory_bytes < MEMORY_NEEDED_BYTES:
        yield _warn(
            "memory",
            f"{show_bytes(facts.memory_bytes)} of memory",
            f"{show_bytes(MEMORY_NEEDED_BYTES)} for the smallest layout",
            "choose a bigger server",
        )
