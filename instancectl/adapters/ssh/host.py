"""A host over one shared SSH connection."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from instancectl.adapters.ssh import process
from instancectl.adapters.ssh.failures import login_error, sudo_error
from instancectl.adapters.ssh.shell import MARK, ROOT, signalling, writing
from instancectl.adapters.ssh.words import CONNECT_SECONDS, Ssh
from instancectl.core.host.address import HostAddress
from instancectl.errors import OperationFailed, Unreachable
from instancectl.ports.remote import Outcome

LOST = 255
"""Exit code of `ssh` when the connection, not the command, failed."""
_OVERTIME = 124
_OPENING_SECONDS = CONNECT_SECONDS + 20
_ASKING_SECONDS = 300


class SshHost:
    """See `ports.remote.Remote`."""

    def __init__(self, address: HostAddress, ssh: Ssh) -> None:
        """Nothing is opened yet."""
        self._address = address
        self._ssh = ssh
        self._socket = ssh.socket(address)
        self.fresh = False
        """Whether this process logged in itself, instead of sharing a connection that was there."""

    @property
    def address(self) -> HostAddress:
        """Where it is."""
        return self._address

    @property
    def socket(self) -> Path:
        """Where the connection is shared: other programs that use `ssh` may, too (`ControlPath`)."""
        return self._socket

    def open(self) -> None:
        """Log in, unless a shared connection is there.

        Raises:
            Unreachable: the host cannot be reached, or does not let us in.
            HostKeyUnknown: nobody ever confirmed its key.
            Refused: its key changed, or the ssh configuration is wrong.
        """
        if self._alive():
            return
        # Two that open at once would leave one connection in the background that nobody finds again.
        with self._socket.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._alive():
                return
            self._socket.unlink(missing_ok=True)
            self._log_in()
            self.fresh = True

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60,
        sudo: bool = False,
    ) -> Outcome:
        """See `ports.remote.Remote`."""
        self.open()
        # The other side ends the command, too: a client that is gone tells it nothing.
        bounded = ("timeout", "-k", "5", f"{timeout_seconds:g}", *argv)
        command = self._ssh.command(self._address, self._as_root(bounded) if sudo else bounded)
        outcome = process.run(command, stdin, timeout_seconds + 10)
        if outcome is None or outcome.code == _OVERTIME:
            raise Unreachable(
                f"`{argv[0]}` on `{self._address}` did not end within {timeout_seconds:g} s",
                hint=f"is the host overloaded? `ssh {self._address.destination} uptime`",
                subject=str(self._address),
            )
        return self._judged(outcome, sudo=sudo)

    def put(self, path: str, content: bytes, mode: int, *, sudo: bool = True) -> None:
        """See `ports.remote.Remote`."""
        outcome = self.run(writing(path, mode), stdin=content, timeout_seconds=120, sudo=sudo)
        if outcome.code:
            raise OperationFailed(
                f"cannot write `{path}` on `{self._address}`: {outcome.err.strip() or 'no reason given'}",
                subject=path,
            )

    def send(self, argv: Sequence[str], chunks: Iterator[bytes], *, sudo: bool = False) -> Outcome:
        """See `ports.remote.Remote`."""
        self.open()
        command = self._ssh.command(self._address, self._as_root(argv) if sudo else argv)
        return self._judged(process.send(command, chunks), sudo=sudo)

    def pass_through(
        self, argv: Sequence[str], *, tty: bool = False, stdin: bytes | None = None, sudo: bool = False
    ) -> int:
        """See `ports.remote.Remote`."""
        self.open()
        token = secrets.token_hex(8)
        marked = ("env", f"{MARK}={token}", *argv)
        command = self._ssh.command(self._address, self._as_root(marked) if sudo else marked, tty=tty)

        def forward(number: int) -> None:
            words = signalling(token, number)
            ending = self._ssh.command(self._address, self._as_root(words) if sudo else words)
            process.run(ending, b"", 30)

        code = process.attached(command, tty=tty, stdin=stdin, forward=forward)
        if code == LOST and not self._alive():
            raise self._lost()
        return code

    def close(self) -> None:
        """See `ports.remote.Remote`."""
        if self._alive():
            process.run(self._ssh.closing(self._address), b"", 10)
        for path in (self._socket, self._socket.with_suffix(".lock")):
            path.unlink(missing_ok=True)

    def _as_root(self, argv: Sequence[str]) -> tuple[str, ...]:
        return tuple(argv) if self._address.user == "root" else (*ROOT, *argv)

    def _judged(self, outcome: Outcome, *, sudo: bool) -> Outcome:
        if outcome.code == LOST and not self._alive():
            raise self._lost()
        problem = sudo_error(self._address, outcome.err) if sudo and outcome.code else None
        if problem:
            raise problem
        return outcome

    def _lost(self) -> Unreachable:
        return Unreachable(
            f"the connection to `{self._address}` was lost; what ran there may go on",
            hint="run the same command again: it looks first and continues",
            subject=str(self._address),
        )

    def _alive(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(self._socket))
            return True
        return False

    def _log_in(self) -> None:
        # A file, no pipe: the connection that stays in the background may keep it open.
        with tempfile.TemporaryFile() as said:
            limit = _ASKING_SECONDS if self._ssh.interactive else _OPENING_SECONDS
            try:
                done = subprocess.run(
                    self._ssh.opening(self._address),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env={**os.environ, "LC_ALL": "C"},
                    timeout=limit,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise login_error(self._address, "Connection timed out") from error
            except FileNotFoundError as error:
                raise process.missing(self._ssh.program[0]) from error
            if done.returncode:
                said.seek(0)
                raise login_error(self._address, said.read().decode(errors="replace"))
