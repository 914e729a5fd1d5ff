"""Output of commands in containers, however long, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class Running(Protocol):
    """A command that runs in a container."""

    def output(self) -> Iterator[bytes]:
        """What it writes to stdout, until it closes it. `Unreachable` when the stream is cut."""
        ...

    @property
    def said(self) -> str:
        """What it wrote to stderr so far: all of it, up to some MiB."""
        ...

    def code(self) -> int:
        """Its exit code, once the output has ended."""
        ...


class ContainerStreams(Protocol):
    """Starts commands in running replicas on this host."""

    def start(self, stack: str, service: str, argv: tuple[str, ...]) -> AbstractContextManager[Running]:
        """Start one; `Unreachable` when no replica runs here."""
        ...

    def volume_path(self, stack: str, name: str) -> str:
        """Where a volume's files are on this host; `OperationFailed` when there is none."""
        ...
