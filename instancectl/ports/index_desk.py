"""The media index of a set while it is restored: whole, and pack by pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from instancectl.core.backup.index import Entry


class IndexDesk(Protocol):
    """On disk, because a million files do not fit into memory."""

    def begin(self) -> None:
        """Forget everything."""
        ...

    def add(self, entry: Entry) -> None:
        """The next line of the index."""
        ...

    def close(self, *, lasting: bool = True) -> None:
        """The index is complete; a `lasting` one survives a power cut."""
        ...

    def is_complete(self) -> bool:
        """Whether a whole index is at hand."""
        ...

    def packs(self) -> tuple[str, ...]:
        """Packs that it names, oldest first."""
        ...

    def of(self, pack: str) -> list[Entry]:
        """What lies in one pack, by offset."""
        ...

    def whole(self) -> Iterator[Entry]:
        """Everything, in the order of the index."""
        ...

    def is_done(self, pack: str) -> bool:
        """Whether an earlier run unpacked it."""
        ...

    def mark_done(self, pack: str) -> None:
        """It is unpacked, durably."""
        ...

    def remove(self) -> None:
        """Leave nothing behind."""
        ...
