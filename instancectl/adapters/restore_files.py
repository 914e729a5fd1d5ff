"""Small files of a restore: its record, and the settings it puts into an instance's directory."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from instancectl.adapters import durably
from instancectl.core.backup.handing import Given
from instancectl.core.backup.restoring import Record
from instancectl.errors import ConfigError, OperationFailed


class RecordFile:
    """See `ports.restore_record.RestoreRecord`."""

    def __init__(self, path: Path) -> None:
        """`state/restore.json`."""
        self._path = path

    def load(self) -> Record | None:
        """The last restore."""
        try:
            return Record.from_json(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise OperationFailed(
                f"cannot read `{self._path}`: it is no record of a restore",
                hint=f"move it away (`mv {self._path}{{,.broken}}`) and see `instancectl status`",
                subject=str(self._path),
            ) from error

    def save(self, record: Record) -> None:
        """Whole or not at all."""
        try:
            durably.replace(self._path, json.dumps(record.as_json(), indent=2).encode() + b"\n")
        except OSError as error:
            raise OperationFailed(f"cannot write `{self._path}`: {error.strerror}") from error

    def remove(self) -> None:
        """It is finished."""
        self._path.unlink(missing_ok=True)


class HandoverFile:
    """See `ports.handover_record.HandoverRecord`."""

    def __init__(self, path: Path) -> None:
        """`state/handover.json`."""
        self._path = path

    def load(self) -> Given | None:
        """A file that cannot be read fences, too: it raises."""
        try:
            return Given.from_json(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise OperationFailed(
                f"cannot read `{self._path}`: it is no record of a handover",
                hint="make sure that no other host runs this instance before you move it away",
                subject=str(self._path),
            ) from error

    def save(self, given: Given) -> None:
        """Whole or not at all."""
        try:
            durably.replace(self._path, json.dumps(asdict(given), indent=2).encode() + b"\n")
        except OSError as error:
            raise OperationFailed(f"cannot write `{self._path}`: {error.strerror}") from error

    def remove(self) -> None:
        """The instance is here again."""
        self._path.unlink(missing_ok=True)


class InstanceDirectory:
    """See `ports.instance_files.InstanceFiles`."""

    def __init__(self, directory: Path) -> None:
        """Made when the first file is put."""
        self._directory = directory

    @property
    def location(self) -> str:
        """Its path."""
        return str(self._directory)

    def put(self, name: str, content: bytes) -> str:
        """Never over a different one: that gets another name first."""
        path, moved = self._directory / Path(name).name, ""
        try:
            if path.exists():
                if path.read_bytes() == content:
                    return ""
                older = path.with_name(f"{path.name}.before-restore")
                path.replace(older)
                moved = older.name
            durably.replace(path, content)
        except OSError as error:
            raise ConfigError(f"cannot write `{path}`: {error.strerror}", subject=str(path)) from error
        return moved
