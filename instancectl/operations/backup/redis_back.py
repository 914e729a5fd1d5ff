"""Puts Redis' data of a set where a Redis with an append-only file finds them."""

from __future__ import annotations

from collections.abc import Callable

from instancectl.core.backup import aside
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.restoring import REDIS
from instancectl.operations.backup.opening import Opener
from instancectl.ports.volume_files import VolumeFiles

VOLUME = "redis"
BASE = "appendonly.aof.1.base.rdb"
MANIFEST = f"file {BASE} seq 1 type b\n".encode()
"""With an append-only file Redis ignores a lone `dump.rdb`; this names it as the file's base (Redis 7)."""

MARK_BYTES = 40
"""Hex digits that end a dump which a server sent without a file of its own (replication.c, diskless)."""

END_BYTES = 9
"""What an RDB ends with: the end's opcode and a checksum (rdb.c)."""

_OPCODE_END = 0xFF
_HEX = frozenset(b"0123456789abcdef")


def stage(opener: Opener, set_: BackupSet, volumes: VolumeFiles) -> None:
    """Beside the live data, from where a swap makes them live."""
    directory = f"{aside.RESTORED}/appendonlydir"
    with volumes.create(VOLUME, f"{directory}/{BASE}") as sink:
        stream = WithoutMark(sink.write)
        opener.part(set_, REDIS, stream.write)
        stream.end()
    with volumes.create(VOLUME, f"{directory}/appendonly.aof.manifest") as sink:
        sink.write(MANIFEST)


class WithoutMark:
    """Passes a dump on without the mark behind it: Redis would take that for a broken command."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Holds the last bytes back until `end`."""
        self._write, self._tail = write, b""

    def write(self, data: bytes) -> None:
        """Take more."""
        whole = self._tail + data
        keep = MARK_BYTES + END_BYTES
        self._tail = whole[-keep:]
        if passed := whole[:-keep]:
            self._write(passed)

    def end(self) -> None:
        """The dump has ended."""
        mark = self._tail[-MARK_BYTES:]
        marked = (
            len(self._tail) == MARK_BYTES + END_BYTES
            and self._tail[0] == _OPCODE_END
            and _HEX.issuperset(mark)
        )
        self._write(self._tail[:-MARK_BYTES] if marked else self._tail)
