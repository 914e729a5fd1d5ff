"""What a host remembers of its backups, in memory.

figures = FakeFigures()
assert figures.load().success
"""

from __future__ import annotations

from collections.abc import Callable

from instancectl.core.backup.figures import Figures


class FakeFigures:
    """See `ports.backup_figures.BackupFigures`."""

    def __init__(self) -> None:
        self.kept = Figures()

    def load(self) -> Figures:
        return self.kept

    def change(self, edit: Callable[[Figures], Figures]) -> None:
        self.kept = Figures.from_json(edit(self.kept).as_json())
