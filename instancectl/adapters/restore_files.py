"""Small files of a restore: its record, and the settings it puts into an instance's directory."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from instancectl.core.backup.restoring import Record
from instancectl.errors import ConfigError, OperationFailed

PRIVATE = 0o600


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
            _write(self._path, json.dumps(record.as_json(), indent=2).encode() + b"\n")
        except OSError as error:
            raise OperationFailed(f"cannot write `{self._path}`: {error.strerror}") from error

    def remove(self) -> None:
        """It is finished."""
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
            _write(path, content)
        except OSError as error:
            raise ConfigError(f"cannot write `{path}`: {error.strerror}", subject=str(path)) from error
        return moved


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(PRIVATE)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
