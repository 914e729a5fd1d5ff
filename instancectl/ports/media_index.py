"""What this host remembers of the media it packed, so that the next run reads only what is new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from instancectl.core.backup.index import Entry


class MediaIndex(Protocol):
    """The last index and the next one; neither is held in memory."""

    def known(self) -> Iterator[Entry]:
        """The last one, sorted; empty when there is none or it cannot be read."""
        ...

    def begin(self) -> None:
        """Start the next one, without touching the last."""
        ...

    def add(self, entry: Entry) -> None:
        """Append to the next one."""
        ...

    def lines(self) -> Iterator[bytes]:
        """The next one, as it is stored in a set."""
        ...

    def keep(self) -> None:
        """The next one becomes the last one; only then."""
        ...
