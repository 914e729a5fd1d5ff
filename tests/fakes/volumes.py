"""Volumes of one stack in memory, and the trees of media in them.

volumes = FakeVolumes()
volumes.live["media"]["accounts/1.jpg"] = b"content"
volumes.room = 10               # bytes, then the disk is full
volumes.users = lambda: {"web"} # who must be stopped before anything is swapped
volumes.fuse.blow_after(3)
volumes.elsewhere[others.where] = others    # from there `take` takes
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from instancectl.core.backup.aside import RESTORED
from instancectl.core.backup.index import Entry, Found, order
from instancectl.errors import OperationFailed
from tests.fakes.fuse import Fuse


class FakeVolumes:
    """See `ports.volume_files.VolumeFiles`."""

    def __init__(self, fuse: Fuse | None = None, where: str = "/volumes/social-example") -> None:
        self.fuse, self.where = fuse or Fuse(), where
        self.live: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self.restored: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self.before: dict[str, dict[str, bytes]] = {}
        self.room: int | None = None
        self.users: Callable[[], set[str]] = set
        self.elsewhere: dict[str, FakeVolumes] = {}

    @contextmanager
    def create(self, volume: str, name: str) -> Iterator[FakeSink]:
        self.fuse.point()
        sink = FakeSink(self.room)
        yield sink
        place, key = self._place(volume, name)
        place[key] = bytes(sink.content)
        self.fuse.point()

    def remove(self, volume: str, name: str) -> None:
        self.fuse.point()
        place, key = self._place(volume, name)
        place.pop(key, None)

    def path(self, volume: str, name: str) -> str:
        return f"{self.where}/{volume}/{name}"

    def take(self, volume: str, name: str, origin: str) -> None:
        self.fuse.point()
        where, of, source = origin.rsplit("/", 2)
        found = self.elsewhere[where].live[of]
        moved = {key: found.pop(key) for key in list(found) if key.partition("/")[0] == source}
        mine = [key for key in self.live[volume] if key.partition("/")[0] == name]
        if not moved and mine:
            return
        if not moved or mine:
            raise OperationFailed(f"cannot move `{origin}` to `{name}`")
        self.live[volume].update({name + key[len(source) :]: content for key, content in moved.items()})
        self.fuse.point()

    def free_bytes(self, volume: str) -> int:
        return self.room if self.room is not None else 10**12

    def set_in(self, volume: str, keep: frozenset[str]) -> None:
        self.fuse.point()
        assert not self.users(), f"{self.users()} use it"
        if volume not in self.before:
            stays = {name for name in self.live[volume] if name.partition("/")[0] in keep}
            self.before[volume] = {k: v for k, v in self.live[volume].items() if k not in stays}
            self.live[volume] = {k: v for k, v in self.live[volume].items() if k in stays}
        self.fuse.point()
        self.live[volume].update(self.restored.pop(volume, {}))
        self.fuse.point()

    def set_back(self, volume: str, keep: frozenset[str]) -> None:
        self.fuse.point()
        assert not self.users(), f"{self.users()} use it"
        if volume in self.before:
            stays = {name for name in self.live[volume] if name.partition("/")[0] in keep}
            moved = {k: v for k, v in self.live[volume].items() if k not in stays}
            self.restored[volume].update(moved)
            kept = {k: v for k, v in self.live[volume].items() if k in stays}
            self.live[volume] = {**kept, **self.before.pop(volume)}
        self.fuse.point()

    def drop(self, volume: str) -> None:
        self.fuse.point()
        self.restored.pop(volume, None)
        self.before.pop(volume, None)

    def _place(self, volume: str, name: str) -> tuple[dict[str, bytes], str]:
        inside = name.removeprefix(f"{RESTORED}/")
        return (self.restored if inside != name else self.live)[volume], inside


class FakeSink:
    """See `ports.destination.ObjectSink`."""

    def __init__(self, room: int | None = None) -> None:
        self.content, self._room = bytearray(), room

    def write(self, chunk: bytes, /) -> None:
        if self._room is not None and len(self.content) + len(chunk) > self._room:
            raise OperationFailed("cannot write `x`: no space left on device")
        self.content += chunk


class FakeMediaTarget:
    """See `ports.media_target.MediaTarget`; writes into a volume of `FakeVolumes`."""

    def __init__(self, volumes: FakeVolumes) -> None:
        self._volumes = volumes
        self.times: dict[str, int] = {}
        self.links: dict[str, bytes] = {}
        self.written = 0

    def begin(self) -> None:
        self._volumes.restored["media"].update({})

    @contextmanager
    def file(self, entry: Entry) -> Iterator[FakeSink]:
        self._volumes.fuse.point()
        sink = FakeSink(self._volumes.room)
        yield sink
        name = entry.path.decode()
        self._volumes.restored["media"][name] = bytes(sink.content)
        self.times[name] = entry.mtime_ns
        self.written += 1

    def link(self, entry: Entry, target: bytes) -> None:
        self.links[entry.path.decode()] = target

    def remove(self, path: bytes) -> None:
        self._volumes.fuse.point()
        self._volumes.restored["media"].pop(path.decode(), None)
        self.links.pop(path.decode(), None)

    def settle(self) -> None:
        self._volumes.fuse.point()

    def walk(self) -> Iterator[Found]:
        found = [
            Found(name.encode(), "f", len(content), self.times[name], 0)
            for name, content in self._volumes.restored["media"].items()
        ]
        found += [Found(name.encode(), "l", len(target), 0, 0) for name, target in self.links.items()]
        yield from sorted(found, key=lambda one: order(one.path))


class FakeDesk:
    """See `ports.index_desk.IndexDesk`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.done: set[str] = set()
        self.complete = False

    def begin(self) -> None:
        self.remove()

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)

    def close(self, *, lasting: bool = True) -> None:
        self.complete = True

    def is_complete(self) -> bool:
        return self.complete

    def packs(self) -> tuple[str, ...]:
        return tuple(sorted({entry.pack for entry in self.entries}))

    def of(self, pack: str) -> list[Entry]:
        return sorted((one for one in self.entries if one.pack == pack), key=lambda one: one.offset)

    def whole(self) -> Iterator[Entry]:
        yield from self.entries

    def is_done(self, pack: str) -> bool:
        return pack in self.done

    def mark_done(self, pack: str) -> None:
        self.done.add(pack)

    def remove(self) -> None:
        self.entries, self.done, self.complete = [], set(), False
