"""Where restored media go before they are live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from instancectl.core.backup.index import Entry, Found
from instancectl.ports.destination import ObjectSink


class MediaTarget(Protocol):
    """One tree, for Mastodon's user. Methods raise `OperationFailed` when it cannot be written."""

    def begin(self) -> None:
        """Make the root of the tree; what an earlier run restored stays."""
        ...

    def file(self, entry: Entry) -> AbstractContextManager[ObjectSink]:
        """A file with its time; what has its name is replaced."""
        ...

    def link(self, entry: Entry, target: bytes) -> None:
        """A symbolic link."""
        ...

    def remove(self, path: bytes) -> None:
        """A file or link; absent is fine."""
        ...

    def settle(self) -> None:
        """Have everything written so far survive a power cut."""
        ...

    def walk(self) -> Iterator[Found]:
        """What is there, in the order of the index."""
        ...
