"""Files that only their owner may read: the emergency kit."""

from __future__ import annotations

import os
from pathlib import Path

from instancectl.errors import OperationFailed


class PrivateFile:
    """One file, mode 0600 from its first byte."""

    def __init__(self, path: Path) -> None:
        """Nothing happens yet."""
        self._path = path

    @property
    def location(self) -> str:
        """Its path."""
        return str(self._path)

    def exists(self) -> bool:
        """Whether it is there."""
        return self._path.exists()

    def create(self, text: str) -> None:
        """Write it durably; `OperationFailed` when it exists or cannot be written."""
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OperationFailed(
                f"cannot write `{self._path}`: {(error.strerror or str(error)).lower()}",
                subject=str(self._path),
            ) from error

    def read(self) -> str:
        """Its text; `OperationFailed` when it cannot be read."""
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise OperationFailed(f"cannot read `{self._path}`: {reason}", subject=str(self._path)) from error

    def remove(self) -> None:
        """Overwrite and remove it; absent is fine. A disk may still hold older copies of its blocks."""
        if not self._path.exists():
            return
        try:
            with self._path.open("r+b") as file:
                file.write(bytes(self._path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            self._path.unlink()
        except OSError as error:
            raise OperationFailed(
                f"cannot remove `{self._path}`", hint=f"remove it yourself: `shred -u {self._path}`"
            ) from error
