"""The volume of the WAL receiver, as a directory of this host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from instancectl.adapters.restoring.failing import translated
from instancectl.core.backup.wal import is_segment
from instancectl.ports.wal_spool import Segment

PIECE = 1024 * 1024


class WalDirectory:
    """See `ports.wal_spool.WalSpool`; below it: `SYSTEM/RUN/SEGMENT`."""

    def __init__(self, where: Callable[[], str]) -> None:
        """`where` knows the directory of the volume."""
        self._where = where

    def segments(self, system: str) -> tuple[Segment, ...]:
        """Whole ones only: what is still received is called `.partial`."""
        with translated("look at the WAL that was received"):
            found = [
                Segment(path.name, int(path.parent.name), path.stat().st_size)
                for path in (self._root / system).glob("*/*")
                if is_segment(path.name) and path.parent.name.isdecimal()
            ]
        return tuple(sorted(found))

    def read(self, system: str, segment: Segment) -> Iterator[bytes]:
        """From the disk."""
        with translated(f"read `{segment.name}`"), self._path(system, segment).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def remove(self, system: str, segment: Segment) -> None:
        """The directory of a run stays: the receiver may be in it."""
        with translated(f"remove `{segment.name}`"):
            self._path(system, segment).unlink(missing_ok=True)

    @property
    def _root(self) -> Path:
        return Path(self._where())

    def _path(self, system: str, segment: Segment) -> Path:
        return self._root / system / str(segment.run) / segment.name
