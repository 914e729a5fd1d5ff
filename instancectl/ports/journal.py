"""The append-only record of who did what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class Journal(Protocol):
    """One line per event; never holds a secret."""

    def write(self, event: str, **facts: object) -> None:
        """Append an event durably before returning."""

    def entries(self, last: int = 0) -> Iterator[Mapping[str, Any]]:
        """Events, oldest first; only the `last` ones unless 0."""
