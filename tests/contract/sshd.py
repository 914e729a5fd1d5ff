"""A real sshd on loopback, with users, sudo and keys of its own, in a mount namespace of its own.

with Sshd(directory) as server:                  # needs root, and apt for the first download
    server.ssh                                   # program words for `INSTANCECTL_SSH`
    server.address("admin")                      # HostAddress; admin may `sudo -n`
    server.address("asked")                      # sudo wants a password
    server.address("plain")                      # may not use sudo
    server.new_host_key()                        # as if the machine had been reinstalled
    server.trust()                               # its key is known from now on

Nothing is installed: packages are unpacked beside the tests and laid over /usr and /etc in the namespace.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from instancectl.core.host.address import HostAddress

PACKAGES = ("openssh-server", "libwrap0", "sudo")
USERS = {"admin": 61001, "asked": 61002, "plain": 61003, "nobash": 61004}

_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
WITHIN = "/run/sshd-test"
"""Where the server sees its directory: every user may go there, whatever is above it outside."""

_START = r"""
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1/changes"
mkdir "$1/changes/etc" "$1/changes/work"
mount -t overlay -o lowerdir="$1/packages/usr:/usr" overlay /usr
mount -t overlay overlay /etc \
  -o lowerdir="$1/etc:$1/packages/etc:/etc",upperdir="$1/changes/etc",workdir="$1/changes/work"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/sudo "$2"
mount --bind "$1" "$2"
for path in /opt /usr/local/bin /var/lib; do mount -t tmpfs -o mode=755 tmpfs "$path"; done
exec /usr/sbin/sshd -D -e -f "$2/sshd_config"
"""


def unavailable() -> str:
    """Why there can be no sshd here; empty when there can."""
    if os.geteuid():
        return "needs root: users and sudo of its own"
    if not shutil.which("apt-get") or not shutil.which("unshare"):
        return "needs apt-get and unshare"
    return ""


def unpacked(cache: Path) -> Path:
    """The packages' files; downloaded once, whoever of several test processes comes first."""
    target = cache / "packages"
    if not target.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            work = Path(name)
            subprocess.run(
                ["apt-get", "download", "-q", *PACKAGES],
                cwd=work, check=True, capture_output=True, timeout=120,
            )  # fmt: skip
            for package in work.glob("*.deb"):
                subprocess.run(["dpkg", "-x", package, work / "files"], check=True, timeout=60)
            try:
                (work / "files").replace(target)
            except OSError:  # another process was faster
                if not target.is_dir():
                    raise
    return target


class Sshd:
    """One server; `port` is its own."""

    def __init__(self, directory: Path, cache: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        self.known_hosts = directory / "known_hosts"
        self.config = directory / "ssh_config"
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "packages").symlink_to(unpacked(cache))

    @property
    def ssh(self) -> tuple[str, ...]:
        """How to call `ssh`."""
        return ("ssh", "-F", str(self.config))

    def address(self, user: str = "root") -> HostAddress:
        """Where it is."""
        return HostAddress(user, "127.0.0.1", self.port)

    def fingerprint(self) -> str:
        """Of its key, as an admin reads it on the console."""
        said = subprocess.run(
            ["ssh-keygen", "-lf", self.directory / "host_key.pub"], check=True, capture_output=True, text=True
        )
        return said.stdout.split()[1]

    def trust(self) -> None:
        """Write its key into the file of known hosts."""
        kind, blob = (self.directory / "host_key.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {blob}\n")

    def new_host_key(self) -> None:
        """Another key from the next connection on."""
        for name in ("host_key", "host_key.pub"):
            (self.directory / name).unlink(missing_ok=True)
        _keygen(self.directory / "host_key")
        if self._process:
            self.stop()
            self.start()

    def within(self, script: str) -> str:
        """Run a line of shell as root where the server's files are; its output."""
        assert self._process
        inner = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0]
        command = ["nsenter", "--mount", "--pid", "--target", inner, "sh", "-c", script]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        return done.stdout

    def program(self, script: str, name: str = "instancectl") -> None:
        """A command of the host, as lines of sh."""
        file = self.directory / f"program-{name}"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        self.within(f"cp {WITHIN}/{file.name} /usr/local/bin/{name}")

    def start(self) -> None:
        """Ready when it greets."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_NAMESPACES, "sh", "-c", _START, "sh", str(self.directory), WITHIN], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as greeting:
                    if greeting.recv(4) == b"SSH-":
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError((self.directory / "log").read_text())

    def stop(self) -> None:
        """End it, and with its process namespace every session in it."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self._process = None

    def drop_sessions(self) -> None:
        """Cut every connection, as a network that went away would."""
        self.within("for one in $(pgrep -x sshd); do [ $one = 1 ] || kill -9 $one; done")

    def __enter__(self) -> Self:
        _keygen(self.directory / "host_key")
        _keygen(self.directory / "key")
        _keygen(self.directory / "strangers_key")
        self._write_etc()
        self._write_configs()
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _write_etc(self) -> None:
        (self.directory / "changes").mkdir()
        etc = self.directory / "etc"
        (etc / "sudoers.d").mkdir(parents=True)
        shells = {"nobash": "/usr/sbin/nologin"}
        rows = [
            f"{name}:x:{number}:{number}::{WITHIN}/homes/{name}:{shells.get(name, '/bin/sh')}"
            for name, number in USERS.items()
        ]
        own = ["root:x:0:0::/root:/bin/sh", "sshd:x:61000:61000::/run/sshd:/usr/sbin/nologin"]
        (etc / "passwd").write_text("\n".join([*own, *rows]) + "\n")
        groups = [f"{name}:x:{number}:" for name, number in USERS.items()]
        (etc / "group").write_text(
            "\n".join(["root:x:0:", "sshd:x:61000:", "sudo:x:27:asked", *groups]) + "\n"
        )
        (etc / "shadow").write_text("".join(f"{name}:*:19000:0:99999:7:::\n" for name in ["root", *USERS]))
        (etc / "shadow").chmod(0o600)
        (etc / "sudoers").write_text(
            "root ALL=(ALL) ALL\n%sudo ALL=(ALL) ALL\nadmin ALL=(ALL) NOPASSWD:ALL\n"
        )
        (etc / "sudoers").chmod(0o440)

    def _write_configs(self) -> None:
        (self.directory / "authorized_keys").write_text((self.directory / "key.pub").read_text())
        for name, number in USERS.items():
            home = self.directory / "homes" / name
            home.mkdir(parents=True)
            os.chown(home, number, number)
        self.directory.chmod(0o755)
        (self.directory / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {WITHIN}/host_key\n"
            f"AuthorizedKeysFile {WITHIN}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\nLogLevel ERROR\n"
        )
        self.config.write_text(
            f"IdentityFile {self.directory}/key\nIdentitiesOnly yes\nIdentityAgent none\n"
            f"UserKnownHostsFile {self.known_hosts}\nGlobalKnownHostsFile /dev/null\nHashKnownHosts yes\n"
        )


def _keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
