"""Where a host remembers what became of its backups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from instancectl.core.backup.figures import Figures


class BackupFigures(Protocol):
    """One small record."""

    def load(self) -> Figures:
        """What is remembered; an empty record when nothing is.

        Raises `OperationFailed` when it cannot be read.
        """
        ...

    def change(self, edit: Callable[[Figures], Figures]) -> None:
        """Replace it durably; a record that cannot be read is begun anew."""
        ...
