"""This machine, in the terms of a host."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from instancectl.adapters.ssh import process
from instancectl.adapters.ssh.failures import sudo_error
from instancectl.adapters.ssh.shell import ROOT, writing
from instancectl.errors import OperationFailed, Unreachable
from instancectl.ports.remote import Outcome


class LocalShell:
    """See `ports.remote.Remote`."""

    @property
    def address(self) -> None:
        """Here."""
        return

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60,
        sudo: bool = False,
    ) -> Outcome:
        """See `ports.remote.Remote`."""
        outcome = process.run(self._words(argv, sudo=sudo), stdin, timeout_seconds)
        if outcome is None:
            raise Unreachable(
                f"`{argv[0]}` did not end within {timeout_seconds:g} s",
                hint="is this machine overloaded? `uptime`",
                subject=argv[0],
            )
        return _judged(outcome, sudo=sudo)

    def put(self, path: str, content: bytes, mode: int, *, sudo: bool = True) -> None:
        """See `ports.remote.Remote`."""
        outcome = self.run(writing(path, mode), stdin=content, sudo=sudo)
        if outcome.code:
            reason = outcome.err.strip() or "no reason given"
            raise OperationFailed(f"cannot write `{path}`: {reason}", subject=path)

    def send(self, argv: Sequence[str], chunks: Iterator[bytes], *, sudo: bool = False) -> Outcome:
        """See `ports.remote.Remote`."""
        return _judged(process.send(self._words(argv, sudo=sudo), chunks), sudo=sudo)

    def pass_through(
        self, argv: Sequence[str], *, tty: bool = False, stdin: bytes | None = None, sudo: bool = False
    ) -> int:
        """See `ports.remote.Remote`: the command shares our terminal, if there is one, and gets its keys."""
        del tty
        return process.shared(self._words(argv, sudo=sudo), stdin=stdin)

    def close(self) -> None:
        """Nothing was opened."""

    def _words(self, argv: Sequence[str], *, sudo: bool) -> Sequence[str]:
        return (*ROOT, *argv) if sudo and os.geteuid() else argv


def _judged(outcome: Outcome, *, sudo: bool) -> Outcome:
    problem = sudo_error(None, outcome.err) if sudo and outcome.code else None
    if problem:
        raise problem
    return outcome
