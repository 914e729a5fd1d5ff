"""A host on which commands are run: another one over SSH, or this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from instancectl.core.host.address import HostAddress
from instancectl.errors import Refused, Unreachable


class HostKeyUnknown(Refused):
    """Nobody ever confirmed the key that the host shows."""


class HostKeyChanged(Refused):
    """The host shows another key than the one that is recorded."""


class LoginRefused(Unreachable):
    """The host answers, and lets this login not in."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """One key by which a host proves that it is itself.

    Attributes:
        line: as it stands in a file of known hosts; the name may be hashed.
        kind: e.g. `ssh-ed25519`.
        fingerprint: `SHA256:…`, as `ssh-keygen -l` shows it.
    """

    line: str
    kind: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: its exit code; 128 + number when a signal ended it.
        out: what it wrote to stdout.
        err: what it wrote to stderr, as text.
    """

    code: int
    out: bytes = b""
    err: str = ""

    @property
    def text(self) -> str:
        """Stdout as text."""
        return self.out.decode(errors="replace")


class Remote(Protocol):
    """Runs commands as they are: `argv` is a list of words, never a line for a shell.

    Every method raises `Unreachable` when the host cannot be reached or logged in to, and `Refused` when
    its key is not known or has changed, or when `sudo` wants a password.
    A command that fails is an `Outcome`, not an error.
    Nothing secret belongs into `argv`: every user of the host can read it there. Use `stdin` or `put`.
    """

    @property
    def address(self) -> HostAddress | None:
        """Where it is; None for this machine."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60,
        sudo: bool = False,
    ) -> Outcome:
        """Run a command and wait for it; `sudo` runs it as root (nothing to do when logged in as root).

        Raises `Unreachable` when it does not end in time; it is ended then, as far as it can be reached.
        """

    def put(self, path: str, content: bytes, mode: int, *, sudo: bool = True) -> None:
        """Write a file: whole or not at all, never readable by more than `mode` says.

        Its directory must exist. Raises `OperationFailed` when it cannot be written.
        """

    def send(self, argv: Sequence[str], chunks: Iterator[bytes], *, sudo: bool = False) -> Outcome:
        """Run a command that reads a stream, for as long as it takes; chunks are of any size."""

    def pass_through(
        self, argv: Sequence[str], *, tty: bool = False, stdin: bytes | None = None, sudo: bool = False
    ) -> int:
        """Run a command with this process's stdout and stderr, and with its stdin unless bytes are given.

        With `tty` it gets a terminal. Returns its exit code; Ctrl-C reaches it.
        """

    def close(self) -> None:
        """Let go of the connection; the next call opens it again."""


class HostKeys(Protocol):
    """Every method raises what logging in to the host raises."""

    def offered(self, address: HostAddress) -> tuple[HostKey, ...]:
        """What the host shows now; nothing is recorded."""

    def known(self, address: HostAddress) -> tuple[HostKey, ...]:
        """What is recorded for the host; empty when nothing is."""

    def record(self, keys: tuple[HostKey, ...], address: HostAddress) -> str:
        """Record confirmed keys for this person; returns the file they are kept in."""
