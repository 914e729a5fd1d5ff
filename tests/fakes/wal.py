"""A cluster that writes WAL, its receiver and its spool, in memory.

cluster = FakeCluster(clock)
cluster.write()                 # somebody commits
cluster.receives = False        # the receiver is dead: segments are lost to the spool
streams.commands |= cluster.commands()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from instancectl.core.backup import wal
from instancectl.core.backup.wal_figures import WalFigures
from instancectl.ports.wal_spool import Segment
from tests.fakes.clock import FakeClock
from tests.fakes.fuse import Fuse

SEGMENT_BYTES = 16 * 1024 * 1024


class FakeSpool:
    """See `ports.wal_spool.WalSpool`."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.files: dict[tuple[str, str, int], bytes] = {}

    def segments(self, system: str) -> tuple[Segment, ...]:
        self.fuse.point()
        return tuple(
            sorted(
                Segment(name, run, len(content))
                for (of, name, run), content in self.files.items()
                if of == system
            )
        )

    def read(self, system: str, segment: Segment) -> Iterator[bytes]:
        yield self.files[system, segment.name, segment.run]

    def remove(self, system: str, segment: Segment) -> None:
        self.fuse.point()
        self.files.pop((system, segment.name, segment.run), None)
        self.fuse.point()


class FakeCluster:
    """Answers `core.backup.receiving.SWITCH`."""

    def __init__(self, clock: FakeClock, fuse: Fuse | None = None, system: str = "77") -> None:
        self.clock, self.system = clock, system
        self.spool = FakeSpool(fuse or Fuse())
        self.receives, self.slot, self.run = True, "reserved", 1
        self.last = "000000010000000000000001"
        self.written = 0
        self._put()

    def write(self) -> None:
        """Somebody commits."""
        self.written += 1

    def switch(self) -> str:
        """Ends a segment if anything was written."""
        if self.written:
            self.written = 0
            self.last = wal.following(self.last, SEGMENT_BYTES)
            self._put()
        told = {
            "system": self.system,
            "moment": int(self.clock.epoch_seconds()),
            "position": f"0/{(int(self.last[16:], 16) + 1) * SEGMENT_BYTES:X}",
            "timeline": "00000001",
            "segment_bytes": SEGMENT_BYTES,
            "slot": self.slot,
            "lag_bytes": 0,
        }
        return "".join(f"{key} {value}\n" for key, value in told.items())

    def _put(self) -> None:
        if self.receives:
            self.spool.files[self.system, self.last, self.run] = f"content of {self.last}".encode()


class FakeWalRecord:
    """See `ports.wal_record.WalRecord`."""

    def __init__(self) -> None:
        self.kept = WalFigures()

    def load(self) -> WalFigures:
        return self.kept

    def change(self, edit: Callable[[WalFigures], WalFigures]) -> None:
        self.kept = WalFigures.from_json(edit(self.kept).as_json())
