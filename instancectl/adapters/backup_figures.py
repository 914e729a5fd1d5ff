"""`state/backup.json` and `state/backup-wal.json`: what became of the last backups, and of WAL."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from instancectl.adapters import durably
from instancectl.core.backup.figures import Figures
from instancectl.core.backup.wal_figures import WalFigures
from instancectl.errors import OperationFailed


class _Record(Protocol):
    def as_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self: ...


R = TypeVar("R", bound=_Record)


class _RecordFile(Generic[R]):
    """One record as JSON; whoever writes it holds a lock."""

    def __init__(self, path: Path, kind: type[R]) -> None:
        self._path, self._kind = path, kind

    def load(self) -> R:
        """What is remembered."""
        try:
            return self._kind.from_json(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return self._kind.from_json({})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise OperationFailed(
                f"cannot read `{self._path}`", hint=f"remove it: `rm {self._path}`", subject=str(self._path)
            ) from error

    def change(self, edit: Callable[[R], R]) -> None:
        """Beside, flushed, renamed."""
        try:
            before = self.load()
        except OperationFailed:
            before = self._kind.from_json({})
        try:
            durably.replace(self._path, json.dumps(edit(before).as_json(), indent=2) + "\n", 0o644)
        except OSError as error:
            raise OperationFailed(f"cannot write `{self._path}`: {error.strerror}") from error


class FiguresFile(_RecordFile[Figures]):
    """See `ports.backup_figures.BackupFigures`."""

    def __init__(self, path: Path) -> None:
        """Written by runs that hold the lock of backups."""
        super().__init__(path, Figures)


class WalFile(_RecordFile[WalFigures]):
    """See `ports.wal_record.WalRecord`."""

    def __init__(self, path: Path) -> None:
        """Written by runs that hold the lock of WAL."""
        super().__init__(path, WalFigures)
