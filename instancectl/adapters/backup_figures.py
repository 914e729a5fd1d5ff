"""`state/backup.json`: what became of the last backups."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from instancectl.core.backup.figures import Figures
from instancectl.errors import OperationFailed


class FiguresFile:
    """See `ports.backup_figures.BackupFigures`."""

    def __init__(self, path: Path) -> None:
        """Written by runs that hold the lock of backups."""
        self._path = path

    def load(self) -> Figures:
        """What is remembered."""
        try:
            return Figures.from_json(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return Figures()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise OperationFailed(
                f"cannot read `{self._path}`", hint=f"remove it: `rm {self._path}`", subject=str(self._path)
            ) from error

    def change(self, edit: Callable[[Figures], Figures]) -> None:
        """Beside, flushed, renamed."""
        try:
            before = self.load()
        except OperationFailed:
            before = Figures()
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with beside.open("w") as file:
                file.write(json.dumps(edit(before).as_json(), indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise OperationFailed(f"cannot write `{self._path}`: {error.strerror}") from error
