"""The media index of a set on disk while it is restored, whole and split by pack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from instancectl.adapters.restoring.failing import translated
from instancectl.core.backup import index
from instancectl.core.backup.index import Entry

HELD_BYTES = 8 * 1024 * 1024
"""Lines that are held before they go to the files of their packs: there may be thousands of packs."""

WHOLE, COMPLETE = "index.tsv", "complete"


class DeskDirectory:
    """See `ports.index_desk.IndexDesk`."""

    def __init__(self, directory: Path) -> None:
        """Made by `begin`."""
        self._directory = directory
        self._held: dict[str, bytearray] = {}
        self._size = 0

    def begin(self) -> None:
        """Forget everything."""
        self.remove()
        with self._working():
            (self._directory / "packs").mkdir(mode=0o700, parents=True)
            (self._directory / "done").mkdir(mode=0o700)

    def add(self, entry: Entry) -> None:
        """One line, into the whole and into its pack's."""
        line = index.line(entry)
        for name in (WHOLE, f"packs/{_file(entry.pack)}"):
            self._held.setdefault(name, bytearray()).extend(line)
            self._size += len(line)
        if self._size > HELD_BYTES:
            self._write()

    def close(self, *, lasting: bool = True) -> None:
        """Durable from here on, where that is wanted."""
        self._write()
        with self._working():
            (self._directory / WHOLE).touch()
            if lasting:
                os.sync()
            (self._directory / COMPLETE).touch()

    def is_complete(self) -> bool:
        """Whether `close` was reached."""
        return (self._directory / COMPLETE).exists()

    def packs(self) -> tuple[str, ...]:
        """Oldest first: names of packs sort by age."""
        with self._working():
            found = sorted(path.name for path in (self._directory / "packs").iterdir())
        return tuple(name.replace("~", "/") for name in found)

    def of(self, pack: str) -> list[Entry]:
        """By offset."""
        with self._working(), (self._directory / "packs" / _file(pack)).open("rb") as file:
            return sorted((index.parse(line) for line in file), key=lambda one: one.offset)

    def whole(self) -> Iterator[Entry]:
        """Line by line."""
        with self._working(), (self._directory / WHOLE).open("rb") as file:
            for line in file:
                yield index.parse(line)

    def is_done(self, pack: str) -> bool:
        """Whether it was marked."""
        return (self._directory / "done" / _file(pack)).exists()

    def mark_done(self, pack: str) -> None:
        """An empty file."""
        with self._working():
            (self._directory / "done" / _file(pack)).touch()

    def remove(self) -> None:
        """The whole directory."""
        self._held.clear()
        self._size = 0
        with self._working():
            if self._directory.exists():
                shutil.rmtree(self._directory)

    def _write(self) -> None:
        with self._working():
            for name, lines in self._held.items():
                with (self._directory / name).open("ab") as file:
                    file.write(lines)
        self._held.clear()
        self._size = 0

    def _working(self) -> AbstractContextManager[None]:
        return translated(f"use `{self._directory}`", hint="see `df -h`; run the same command again")


def _file(pack: str) -> str:
    return pack.replace("/", "~")
