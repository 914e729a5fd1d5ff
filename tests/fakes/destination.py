"""A place for backup sets in memory, which can fail, fill up, or die in the middle of an object.

place = FakeDestination(clock)
place.fuse.blow_after(7)            # the eighth action from now is never finished
place.room = 1000                   # bytes, then the disk is full
place.down = True                   # nobody answers
place.lock_days = 30                # what is written is locked for so long
place.locks["media/packs/x"] = …    # until then
place.unlisted.add("sets/…")        # a listing that lags behind
assert not place.deletions          # what somebody tried to remove
place.objects["sets/…"] = b"…"      # somebody else wrote it
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from instancectl.core.backup import naming, object_lock
from instancectl.core.backup.danger import Danger
from instancectl.core.backup.garbage import Listed
from instancectl.errors import OperationFailed, Unreachable
from tests.fakes.clock import FakeClock
from tests.fakes.fuse import Fuse


class FakeDestination:
    """See `ports.destination.Destination`."""

    def __init__(self, clock: FakeClock, name: str = "memory") -> None:
        self.name = name
        self.clock = clock
        self.fuse = Fuse()
        self.objects: dict[str, bytes] = {}
        self.modified: dict[str, float] = {}
        self.unfinished: list[bytes] = []
        self.lock_days = 0
        self.locks: dict[str, float] = {}
        self.deletions: list[str] = []
        self.unlisted: set[str] = set()
        self.room: int | None = None
        self.down = False
        self.danger: tuple[Danger, ...] = ()
        self.off_site = False

    @contextmanager
    def create(self, key: str) -> Iterator[FakeSink]:
        self._act()
        sink = FakeSink(self)
        try:
            yield sink
            self._act()
        except BaseException:
            self.unfinished.append(bytes(sink.content))
            raise
        if key in self.objects:
            raise OperationFailed(f"`{key}` exists already in {self.name}", subject=key)
        self.objects[key] = bytes(sink.content)
        self.modified[key] = self.clock.epoch_seconds()
        if self.lock_days and naming.lasting(key):
            self.locks[key] = object_lock.ends(self.lock_days, self.clock.epoch_seconds())
        self.fuse.point()

    def read(self, key: str) -> Iterator[bytes]:
        self._answer()
        if key not in self.objects:
            raise OperationFailed(f"cannot read `{key}` in {self.name}: there is none", subject=key)
        content = self.objects[key]
        for at in range(0, len(content), 1000):
            yield content[at : at + 1000]

    def part_of(self, key: str, offset: int, size: int) -> bytes:
        return b"".join(self.read(key))[offset : offset + size]

    def listed(self, prefix: str = "") -> Iterator[Listed]:
        self._answer()
        for key, content in list(self.objects.items()):
            if key.startswith(prefix) and key not in self.unlisted:
                yield Listed(key, len(content), self.modified.get(key, self.clock.epoch_seconds()))

    def delete(self, key: str) -> bool:
        self._act()
        self.deletions.append(key)
        if key in self.objects and self.locks.get(key, 0) > self.clock.epoch_seconds():
            return False
        self.objects.pop(key, None)
        return True

    def hold(self, key: str, at_least: float, until: float) -> bool:
        self._act()
        if not self.lock_days or self.locks.get(key, 0) >= at_least:
            return False
        if key not in self.objects:
            raise OperationFailed(f"cannot lock `{key}` in {self.name}: there is none", subject=key)
        self.locks[key] = until
        return True

    def abandon(self, older_than_seconds: float) -> int:
        self._answer()
        count = len(self.unfinished)
        self.unfinished.clear()
        return count

    def free_bytes(self) -> int | None:
        self._answer()
        return self.room

    def dangers(self, data_path: str, kept_days: int) -> tuple[Danger, ...]:
        self._answer()
        return self.danger

    @property
    def used(self) -> int:
        return sum(map(len, self.objects.values()))

    def _act(self) -> None:
        self._answer()
        self.fuse.point()

    def _answer(self) -> None:
        if self.down:
            raise Unreachable(f"{self.name} does not answer", hint="switch it on", subject=self.name)


class FakeSink:
    """See `ports.destination.ObjectSink`."""

    def __init__(self, place: FakeDestination) -> None:
        self._place = place
        self.content = bytearray()

    def write(self, chunk: bytes, /) -> None:
        place = self._place
        if place.room is not None and place.used + len(self.content) + len(chunk) > place.room:
            raise OperationFailed(f"cannot write in {place.name}: no space left on device")
        self.content += chunk
