"""A standby in memory: reads the WAL that it is given, as far as nothing is missing.

standby = FakeStandby(fuse, volumes)        # its cluster and its WAL are in the volume `db` of `volumes`
standby.stuck = True                        # reads nothing from now on
volumes.live["db"][TABLES]                  # what its database held at the end of what it read
"""

from __future__ import annotations

import io
import tarfile

from instancectl.core.backup import following, handing, recovery, wal
from instancectl.ports.scratch import Scratched
from tests.fakes.fuse import Fuse
from tests.fakes.scratch import FakeScratch
from tests.fakes.volumes import FakeVolumes
from tests.fakes.wal import SEGMENT_BYTES

TABLES = f"{following.CLUSTER}/tables"
_STANDBY = f"{following.CLUSTER}/standby.signal"
_READ = f"{following.CLUSTER}/read"


class FakeStandby(FakeScratch):
    """See `ports.scratch.Scratch`; answers `core.backup.following`."""

    stack = "social-example-following"

    def __init__(self, fuse: Fuse, volumes: FakeVolumes) -> None:
        super().__init__(fuse)
        self.files, self.stuck = volumes.live["db"], False

    def sweep(self) -> int:
        self.files.clear()
        return super().sweep()

    def begin(self, volumes) -> None:
        self.fuse.point()
        self.volumes |= set(volumes)

    def start(self, one: Scratched) -> None:
        assert one.name not in self.there, "it runs already"
        super().start(one)
        if one.command == following.FOLLOW and (base := self.files.pop(recovery.BASE_FILE, None)):
            self.files |= {TABLES: base.removeprefix(b"backup_label\0"), _STANDBY: b"", _READ: b"0/0"}

    def exit_code(self, name: str) -> int | None:
        if self._says_its_version(name):
            return 0
        return None if name in self.there and TABLES in self.files else 137

    def run(self, service: str, argv: tuple[str, ...]) -> tuple[bytes, str, int] | None:
        known = {
            following.TAKE: self._take,
            following.LOOK: self._look,
            following.PROMOTE: self._promote,
        }
        if argv not in known:
            return None
        if self.exit_code(service) is not None:
            return b"", "there is no such container", 1
        self.fuse.point()
        said = known[argv]()
        self.fuse.point()
        return said.encode(), "", 0

    def _take(self) -> str:
        archive = io.BytesIO(self.files.pop(following.WAL_FILE))
        with tarfile.open(fileobj=archive) as found:
            for one in found.getmembers():
                self.files[f"wal/{one.name}"] = found.extractfile(one).read()
        return ""

    def _look(self) -> str:
        if _STANDBY in self.files and not self.stuck:
            self._replay()
        follows = "t" if _STANDBY in self.files else "f"
        return f"read {self.files[_READ].decode()}\nfollows {follows}\npaused f\n"

    def _replay(self) -> None:
        segments = sorted(name for name in self.files if name.startswith("wal/"))
        need = None
        for name in segments:
            segment = name.removeprefix("wal/")
            if need is not None and segment != need:
                return
            end = handing.position(segment, SEGMENT_BYTES)
            if end > wal.place(self.files[_READ].decode()):
                self.files[TABLES] = self.files[name]
                self.files[_READ] = f"{end >> 32:X}/{end & 0xFFFFFFFF:X}".encode()
            need = wal.following(segment, SEGMENT_BYTES)

    def _promote(self) -> str:
        self.files.pop(_STANDBY, None)
        return ""
