"""Where a host remembers what it sent away of WAL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from instancectl.core.backup.wal_figures import WalFigures


class WalRecord(Protocol):
    """One small record."""

    def load(self) -> WalFigures:
        """What is remembered; an empty record when nothing is.

        Raises `OperationFailed` when it cannot be read.
        """
        ...

    def change(self, edit: Callable[[WalFigures], WalFigures]) -> None:
        """Replace it durably; a record that cannot be read is begun anew."""
        ...
