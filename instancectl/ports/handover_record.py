"""What a host remembers of having handed its instance over."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.backup.handing import Given


class HandoverRecord(Protocol):
    """One file; `OperationFailed` when it cannot be read or written."""

    def load(self) -> Given | None:
        """The handover; None when there is none."""
        ...

    def save(self, given: Given) -> None:
        """Durably, before anything relies on it."""
        ...

    def remove(self) -> None:
        """The instance is here again."""
        ...
