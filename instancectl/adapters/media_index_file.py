"""The media index on this host: a sorted file that is read and written line by line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from instancectl.core.backup import index
from instancectl.errors import OperationFailed

MODE = 0o600
"""It names every upload, deleted ones too until the next run."""

BUFFER = 1024 * 1024


class MediaIndexFile:
    """See `ports.media_index.MediaIndex`."""

    def __init__(self, path: Path) -> None:
        """The last index; the next one is written beside it."""
        self._path, self._next = path, path.with_name(f".{path.name}.next")
        self._file: BinaryIO | None = None

    def known(self) -> Iterator[index.Entry]:
        """The last one; a damaged rest is forgotten, which costs reading those files again."""
        try:
            with self._path.open("rb", BUFFER) as file:
                for raw in file:
                    yield index.parse(raw)
        except (FileNotFoundError, OperationFailed):
            return

    def begin(self) -> None:
        """Whatever a killed run left is overwritten."""
        try:
            self._next.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
            self._file = os.fdopen(handle, "wb", BUFFER)
        except OSError as error:
            raise self._failed(error) from error

    def add(self, entry: index.Entry) -> None:
        """One more line."""
        if self._file is None:
            raise OperationFailed("the next media index was not begun")
        try:
            self._file.write(index.local_line(entry))
        except OSError as error:
            raise self._failed(error) from error

    def lines(self) -> Iterator[bytes]:
        """Without what only this host knows; a MiB at a time."""
        self._flush()
        piece = bytearray()
        with self._next.open("rb", BUFFER) as file:
            for raw in file:
                piece += raw.rpartition(b"\t")[0] + b"\n"
                if len(piece) >= BUFFER:
                    yield bytes(piece)
                    piece.clear()
        yield bytes(piece)

    def keep(self) -> None:
        """Durably, or not at all."""
        self._flush()
        try:
            self._next.replace(self._path)
        except OSError as error:
            raise self._failed(error) from error

    def _flush(self) -> None:
        if self._file is None:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error
        self._file = None

    def _failed(self, error: OSError) -> OperationFailed:
        return OperationFailed(
            f"cannot write `{self._path}`: {(error.strerror or str(error)).lower()}",
            hint=f"see `df -h {self._path.parent}`; earlier sets are untouched",
            subject=str(self._path),
        )
