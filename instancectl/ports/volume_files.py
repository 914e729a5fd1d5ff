"""The files of volumes on this host, and how restored ones take the place of live ones."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from instancectl.ports.destination import ObjectSink


class VolumeFiles(Protocol):
    """Volumes of one stack. Every method raises `OperationFailed` when a volume is not there or is full."""

    def create(self, volume: str, name: str) -> AbstractContextManager[ObjectSink]:
        """Write a file that only root may read, whole or not at all; what has the name is replaced."""
        ...

    def remove(self, volume: str, name: str) -> None:
        """Remove a file; absent is fine."""
        ...

    def path(self, volume: str, name: str) -> str:
        """Where a file or directory of a volume is on this host."""
        ...

    def take(self, volume: str, name: str, origin: str) -> None:
        """Move a directory from elsewhere on the same disk into a volume, at once; done already is fine.

        Nothing that is there is replaced: `OperationFailed`.
        """
        ...

    def free_bytes(self, volume: str) -> int:
        """Room on its disk."""
        ...

    def set_in(self, volume: str, keep: frozenset[str]) -> None:
        """What was restored beside becomes live, what was live is put beside; nothing is removed.

        Killed at any moment, the next call goes on. Whoever uses the volume must be stopped.

        Args:
            volume: which.
            keep: names at its top that stay as they are.
        """
        ...

    def set_back(self, volume: str, keep: frozenset[str]) -> None:
        """The reverse of `set_in`; without anything to go back to it does nothing."""
        ...

    def drop(self, volume: str) -> None:
        """Remove what lies beside: of a restore that ended, or will not go on."""
        ...
