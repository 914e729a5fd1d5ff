"""What a host remembers of a restore."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.backup.restoring import Record


class RestoreRecord(Protocol):
    """One file; `OperationFailed` when it cannot be read or written."""

    def load(self) -> Record | None:
        """The last restore; None when there was none or it is finished."""
        ...

    def save(self, record: Record) -> None:
        """Durably, before anything relies on it."""
        ...

    def remove(self) -> None:
        """It is finished."""
        ...
