"""How `ssh` is called: which program, which options, where its sockets lie."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instancectl.core.host.address import HostAddress
from instancectl.errors import Refused

CONNECT_SECONDS = 10
PERSIST_SECONDS = 60
"""How long an idle connection stays for the next command."""
_SOCKET_NAME_LENGTH = 16

# What a person's ssh configuration may hold for their own sessions, and must not happen to ours.
_QUIET = {
    "ClearAllForwardings": "yes",
    "EscapeChar": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "Tunnel": "no",
}
_CAREFUL = {
    "ConnectTimeout": str(CONNECT_SECONDS),
    "ServerAliveCountMax": "4",
    "ServerAliveInterval": "15",
    "StrictHostKeyChecking": "yes",
}


@dataclass(frozen=True, slots=True)
class Ssh:
    """One way to call `ssh`.

    Attributes:
        program: the command and options that come first, e.g. `("ssh", "-F", "config")`.
        directory: where control sockets lie; only we may enter it.
        interactive: whether `ssh` may ask on the terminal for passwords and passphrases.
    """

    program: tuple[str, ...]
    directory: Path
    interactive: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str], *, interactive: bool) -> Ssh:
        """As the environment says: INSTANCECTL_SSH holds another program or further options."""
        program = tuple(shlex.split(environ.get("INSTANCECTL_SSH", ""))) or ("ssh",)
        return cls(program, _private_directory(environ.get("XDG_RUNTIME_DIR", "")), interactive)

    def socket(self, address: HostAddress) -> Path:
        """Where the connection to that host is shared."""
        name = "\0".join((*self.program, str(address)))
        return self.directory / hashlib.sha256(name.encode()).hexdigest()[:_SOCKET_NAME_LENGTH]

    def opening(self, address: HostAddress) -> list[str]:
        """Log in, and stay in the background to be shared."""
        shared = {
            "BatchMode": "no" if self.interactive else "yes",
            "ControlMaster": "yes",
            "ControlPath": str(self.socket(address)),
            "ControlPersist": str(PERSIST_SECONDS),
        }
        return [*self.words({**_QUIET, **_CAREFUL, **shared}, address), "-N", "-f", *self._end(address)]

    def command(self, address: HostAddress, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        """Run a command over the shared connection."""
        shared = {
            "BatchMode": "yes",
            "ControlMaster": "no",
            "ControlPath": str(self.socket(address)),
            "LogLevel": "ERROR",  # else it tells on stderr that the shared connection is closed
        }
        words = self.words({**_QUIET, **_CAREFUL, **shared}, address)
        return [*words, "-tt" if tty else "-T", *self._end(address), _line(argv)]

    def closing(self, address: HostAddress) -> list[str]:
        """Have the shared connection end."""
        words = self.words({"ControlPath": str(self.socket(address))}, address)
        return [*words, "-O", "exit", *self._end(address)]

    def new_login(self, address: HostAddress, argv: Sequence[str]) -> list[str]:
        """Run a command over a connection of its own, with a key and nothing else: proves that it works."""
        alone = {
            "BatchMode": "yes",
            "ControlMaster": "no",
            "ControlPath": "none",
            "LogLevel": "ERROR",
            "PreferredAuthentications": "publickey",
        }
        words = self.words({**_QUIET, **_CAREFUL, **alone}, address)
        return [*words, "-T", *self._end(address), _line(argv)]

    def forwarding(self, address: HostAddress, forward: str) -> list[str]:
        """Forward a port over a connection of its own: a shared one would keep listening after us."""
        alone = {
            "BatchMode": "no" if self.interactive else "yes",
            "ControlMaster": "no",
            "ControlPath": "none",
            "ExitOnForwardFailure": "yes",
            "LogLevel": "ERROR",
        }
        quiet = {key: value for key, value in _QUIET.items() if key != "ClearAllForwardings"}
        words = self.words({**quiet, **_CAREFUL, **alone}, address)
        return [*words, "-N", "-T", "-L", forward, *self._end(address)]

    def for_ansible(self, address: HostAddress) -> dict[str, str | bool | int]:
        """Variables with which Ansible shares the connection, and opens it again when it was lost."""
        shared = {
            "BatchMode": "yes",
            "ControlMaster": "auto",
            "ControlPath": str(self.socket(address)),
            "ControlPersist": str(PERSIST_SECONDS),
        }
        options = {**_QUIET, **_CAREFUL, **shared}
        words = [
            *self.program[1:],
            *(word for key, value in options.items() for word in ("-o", f"{key}={value}")),
        ]
        found: dict[str, str | bool | int] = {
            "ansible_host": address.address,
            "ansible_ssh_executable": self.program[0],
            "ansible_ssh_args": shlex.join(words),
            "ansible_become": address.user != "root",
        }
        if address.user:
            found["ansible_user"] = address.user
        if address.port:
            found["ansible_port"] = address.port
        return found

    def words(self, options: Mapping[str, str], address: HostAddress) -> list[str]:
        """The program, options as `-o` and the port."""
        given = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        port = ["-p", str(address.port)] if address.port else []
        return [*self.program, *given, *port]

    def _end(self, address: HostAddress) -> list[str]:
        return ["--", address.destination]


def _line(argv: Sequence[str]) -> str:
    """A line for the login's shell; `exec`, for a shell that Ctrl-C ends would hide the exit code."""
    return f"exec {shlex.join(argv)}"


def _private_directory(runtime: str) -> Path:
    name = f"instancectl-ssh-{os.getuid()}"
    # The kernel allows 107 characters; ssh adds 17 of its own to ours while it makes a socket.
    fits = len(f"{runtime}/{name}/") + _SOCKET_NAME_LENGTH + 17 <= 107
    base = Path(runtime) if runtime and fits and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    path = base / name
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or path.is_symlink():
        raise Refused(
            f"cannot keep connections in `{path}`: others may enter it",
            hint=f"remove it: `rm -rf {path}`",
            subject=str(path),
        )
    return path
