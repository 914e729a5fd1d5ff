"""Real systemd hosts to provision over SSH: each behaves as a small VPS that was just rented.

python -m tests.hosts.machine up one bookworm     start a host by hand; prints how to log in
python -m tests.hosts.machine down one            remove it and everything of it
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.e2e.host import ROOT, Run, docker, eventually
from tests.hosts import surroundings

# systemd and an Engine inside a container, without the whole of `--privileged`.
# SYS_MODULE is not among them: nothing in a host may load what the kernel of the machine did not offer.
CAPABILITIES = (
    "SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "MKNOD", "DAC_READ_SEARCH", "SYSLOG", "IPC_LOCK",
    "AUDIT_CONTROL", "SYS_NICE", "LINUX_IMMUTABLE", "SYS_TIME", "SYS_BOOT",
)  # fmt: skip
FLAGS = (
    *(f"--cap-add={name}" for name in CAPABILITIES),
    *(f"--security-opt={name}=unconfined" for name in ("seccomp", "apparmor", "systempaths")),
    "--device-cgroup-rule=a *:* rwm",
    "--tmpfs=/run", "--tmpfs=/run/lock",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--volume=/var/lib/docker",  # not a layer of the outer Engine: the inner one gets overlay2
)  # fmt: skip
LABEL = "instancectl.tests=hosts"
SUBNETS = tuple((f"10.213.{n}.0/24", f"fd00:213:{n:x}::/64") for n in range(40, 72))


@dataclass(frozen=True)
class Network:
    """A Docker network of its own, so that hosts see each other and keep their addresses."""

    name: str
    third: int

    @classmethod
    def create(cls, name: str) -> Network:
        """On the first pair of subnets that nobody uses."""
        for v4, v6 in SUBNETS:
            done = subprocess.run(
                ["docker", "network", "create", "--label", LABEL,
                 "--ipv6", "--subnet", v4, "--subnet", v6, name],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                return cls(name, int(v4.split(".")[2]))
            assert "overlap" in done.stderr.lower(), done.stderr
        raise AssertionError(f"no subnet is free for `{name}`")

    def addresses(self, number: int) -> tuple[str, str]:
        """IPv4 and IPv6 of the host with this number (from 1)."""
        return f"10.213.{self.third}.{number + 9}", f"fd00:213:{self.third:x}::{number + 9:x}"

    def remove(self) -> None:
        """When its hosts are gone."""
        docker("network", "rm", self.name, check=False)


@dataclass(frozen=True)
class TestHost:
    """One host: a container that runs systemd and sshd, and has a key for root.

    `address` and `address6` stay the same over a reboot. `known_hosts` and `key` are files of the test run:
    nothing of the developer's own SSH is read or written.
    """

    __test__: ClassVar[bool] = False

    name: str
    suite: str
    container: str
    address: str
    address6: str
    directory: Path

    @property
    def key(self) -> Path:
        """A private key that root's authorized_keys names."""
        return self.directory / "key"

    @property
    def known_hosts(self) -> Path:
        """A file with this host's true key."""
        return self.directory / f"known_hosts-{self.name}"

    @property
    def ssh_target(self) -> str:
        """As one types it behind `--host` when the server was just rented."""
        return f"root@{self.address}"

    # ---- running things on it

    def exec(
        self, *words: str, stdin: str | bytes = "", check: bool = True, timeout_seconds: float = 300
    ) -> Run:
        """Run a command as root, without SSH: to look, or to break something."""
        return _run(["docker", "exec", "-i", self.container, *words], stdin, timeout_seconds, check=check)

    def script(self, text: str, *, check: bool = True, timeout_seconds: float = 300) -> Run:
        """Run lines of sh as root."""
        return self.exec("sh", "-euc", text, check=check, timeout_seconds=timeout_seconds)

    def ssh_words(self, user: str = "root") -> list[str]:
        """`ssh` with everything it needs to log in, up to the command."""
        options = {
            "IdentityFile": self.key, "IdentitiesOnly": "yes", "BatchMode": "yes", "ConnectTimeout": 5,
            "UserKnownHostsFile": self.known_hosts, "StrictHostKeyChecking": "yes",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", *words, f"{user}@{self.address}"]

    def ssh(self, *words: str, user: str = "root", stdin: str | bytes = "", check: bool = True) -> Run:
        """Run a command over a new SSH connection, to know whether that works."""
        return _run([*self.ssh_words(user), shlex.join(words)], stdin, 120, check=check)

    def write(self, path: str, content: str | bytes, mode: str = "0644") -> None:
        """A file of root's, with its directories."""
        self.exec("install", "-D", "-m", mode, "/dev/stdin", path, stdin=content)

    def units(self, state: str = "failed") -> list[str]:
        """Names of units in a state."""
        listed = self.exec("systemctl", "list-units", f"--state={state}", "--plain", "--no-legend").out
        return [line.split()[0] for line in listed.splitlines()]

    # ---- its life

    def start(self) -> None:
        """Power on, and wait until systemd has started everything and sshd answers."""
        docker("start", self.container)
        self.wait()

    def wait(self, seconds: float = 240) -> None:
        """Until it has booted."""
        done = {"running", "degraded"}
        state = ("systemctl", "is-system-running")
        eventually(lambda: self.exec(*state, check=False).out.strip() in done, seconds=seconds)
        eventually(lambda: self.exec("systemctl", "is-active", "ssh", check=False).code == 0, seconds=seconds)

    def reboot(self) -> None:
        """An orderly shutdown and a boot: what is in /run and every process is gone, the disk stays."""
        docker("restart", "--time", "60", self.container)
        self.wait()

    def kill(self) -> None:
        """Pull the plug."""
        docker("kill", self.container)

    def remove(self) -> None:
        """The host, its disk, and the volume of its Engine."""
        docker("rm", "--force", "--volumes", self.container, check=False)
        self.known_hosts.unlink(missing_ok=True)


def image(suite: str) -> str:
    """The tag of a fresh host's image; built when it is missing."""
    build = [sys.executable, str(ROOT / "tests/testbed/build.py"), f"host-{suite}"]
    return subprocess.run(build, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]


def create(name: str, suite: str, network: Network, number: int, directory: Path) -> TestHost:
    """A host that has booted; `number` (from 1) decides its addresses in the network."""
    address, address6 = network.addresses(number)
    host = TestHost(name, suite, f"{network.name}-{name}", address, address6, directory)
    if not host.key.exists():
        _make_key(host.key)
    where = ["--network", network.name, "--ip", address, "--ip6", address6]
    docker(
        "create", "--name", host.container, "--hostname", name, "--label", LABEL, *where, *FLAGS, image(suite)
    )
    try:
        _copy(host, _first_files(host))
        host.start()
        if any(path.endswith(".crt") for path in surroundings.files()):
            host.exec("update-ca-certificates")
    except BaseException:
        host.remove()
        raise
    return host


def _first_files(host: TestHost) -> dict[str, tuple[bytes, int]]:
    """What a provider's first boot writes: the customer's key, and sshd's own."""
    own = host.directory / f"sshd-{host.name}"
    _make_key(own)
    public = own.with_suffix(".pub").read_bytes()
    host.known_hosts.write_text(
        "".join(f"{address} {public.decode()}" for address in (host.address, host.address6))
    )
    files = {
        "/etc/ssh/ssh_host_ed25519_key": (own.read_bytes(), 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": (public, 0o644),
        "/root/.ssh/authorized_keys": (host.key.with_suffix(".pub").read_bytes(), 0o600),
    }
    for path in (own, own.with_suffix(".pub")):
        path.unlink()
    return files | {path: (content, 0o644) for path, content in surroundings.files().items()}


def _make_key(path: Path) -> None:
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", str(path)]
    subprocess.run(made, check=True, stdin=subprocess.DEVNULL)


def _copy(host: TestHost, files: Mapping[str, tuple[bytes, int]]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        ssh = tarfile.TarInfo("root/.ssh")
        ssh.type, ssh.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(ssh)
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    copy = ["docker", "cp", "-", f"{host.container}:/"]
    subprocess.run(copy, input=packed.getvalue(), check=True, capture_output=True)


def _run(words: list[str], stdin: str | bytes, timeout_seconds: float, *, check: bool) -> Run:
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(words, input=given, capture_output=True, check=False, timeout=timeout_seconds)
    run = Run(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    assert not check or run.code == 0, f"{shlex.join(words)} exited {run.code}\n{run.out}\n{run.err}"
    return run


@dataclass(frozen=True)
class Laptop:
    """The machine where an admin types: an SSH configuration of its own, and a PATH that uses it.

    OpenSSH reads the home directory from the user database, not from `HOME`. So `ssh` on this PATH is a line
    of sh that names the configuration; the product does not notice.
    """

    directory: Path

    def __post_init__(self) -> None:
        programs = self.directory / "bin"
        programs.mkdir()
        for name in ("ssh", "scp"):
            script = programs / name
            script.write_text(f'#!/bin/sh\nexec {shutil.which(name)} -F {self.config} "$@"\n')
            script.chmod(0o755)
        self.known_hosts.touch()
        self.config.touch()

    @property
    def config(self) -> Path:
        """What is in `~/.ssh/config` elsewhere."""
        return self.directory / "config"

    @property
    def known_hosts(self) -> Path:
        """Keys of hosts it knows; empty at first."""
        return self.directory / "known_hosts"

    @property
    def environment(self) -> dict[str, str]:
        """For every command that is typed here."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("INSTANCECTL_")}
        path = f"{self.directory / 'bin'}:{kept.get('PATH', '')}"
        return {**kept, "PATH": path, "XDG_STATE_HOME": str(self.directory / "state")}

    def cli(self, *words: str, expect: int | None = 0, stdin: str = "", timeout_seconds: float = 900) -> Run:
        """Type a command and wait for its end."""
        command = [sys.executable, "-m", "instancectl", *words]
        done = subprocess.run(
            command, cwd=ROOT, env={**self.environment, "NO_COLOR": "1", "TERM": "dumb"}, input=stdin,
            capture_output=True, text=True, check=False, timeout=timeout_seconds,
        )  # fmt: skip
        told = f"{' '.join(words)} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert expect is None or done.returncode == expect, told
        assert "Traceback" not in done.stderr, told
        return Run(done.returncode, done.stdout, done.stderr)

    def knows(self, hosts: Iterable[TestHost], *, keys: bool = True) -> None:
        """Has the SSH key for these, and (unless told otherwise) has seen the hosts' keys before."""
        hosts = list(hosts)
        identities = {host.key for host in hosts}
        lines = [f"UserKnownHostsFile {self.known_hosts}", "IdentitiesOnly yes"]
        lines += [f"IdentityFile {key}" for key in sorted(identities)]
        self.config.write_text("\n".join(lines) + "\n")
        if keys:
            self.known_hosts.write_text("".join(host.known_hosts.read_text() for host in hosts))


def main(argv: list[str]) -> int:
    """Hosts by hand, for trying something out."""
    if len(argv) not in {2, 3} or argv[0] not in {"up", "down"}:
        print(__doc__, file=sys.stderr)
        return 2
    name = argv[1]
    network, directory = f"hosts-{name}", Path(tempfile.gettempdir()) / f"test-host-{name}"
    if argv[0] == "down":
        docker("rm", "--force", "--volumes", f"{network}-{name}", check=False)
        docker("network", "rm", network, check=False)
        shutil.rmtree(directory, ignore_errors=True)
        return 0
    directory.mkdir()
    host = create(name, argv[2] if len(argv) == 3 else "bookworm", Network.create(network), 1, directory)
    print(shlex.join(host.ssh_words()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
