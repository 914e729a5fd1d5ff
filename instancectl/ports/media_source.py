"""The tree of uploads on this host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from instancectl.core.backup.index import Found


class Reading(Protocol):
    """One file while it is read."""

    @property
    def found(self) -> Found:
        """The open file itself, which may differ from what the walk saw."""
        ...

    def content(self) -> Iterator[bytes]:
        """Exactly as many bytes as `found` says; zeros for what is missing in the end."""
        ...

    def settled(self) -> bool:
        """Whether the file is still the one that was opened."""
        ...


class MediaSource(Protocol):
    """One tree; errors of single files are a matter of the walk, those of the whole tree are raised."""

    @property
    def place(self) -> str:
        """Its directory."""
        ...

    def walk(self) -> Iterator[Found]:
        """Files and links that belong to a set, sorted by `core.backup.index.order`; others are left out.

        Raises `OperationFailed` when the tree cannot be read.
        """
        ...

    def read(self, file: Found) -> Iterator[Reading]:
        """The file to read, or nothing when it has vanished; closed when the iteration goes on."""
        ...

    def left_out(self) -> tuple[int, int]:
        """Files and bytes of what is left out."""
        ...

    def strange(self) -> tuple[str, ...]:
        """Paths the last walk met that are neither file nor link, at most a few."""
        ...
