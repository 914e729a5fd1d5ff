"""Uploads in memory, and what a host remembers of those it packed.

media = FakeMedia()
media.write("accounts/1.jpg", b"content")
media.changing["accounts/1.jpg"] = 2      # changes during the next two reads
index = FakeIndex()
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from instancectl.core.backup import index as indexing
from instancectl.core.backup.index import Entry, Found


class FakeMedia:
    """See `ports.media_source.MediaSource`. Times are a counter."""

    place = "/media"

    def __init__(self) -> None:
        self.files: dict[bytes, tuple[bytes, int]] = {}
        self.changing: dict[str, int] = {}
        self.vanishing: set[str] = set()
        self.remote = (0, 0)
        self.reads = 0
        self._now = 0

    def write(self, path: str, content: bytes) -> None:
        self._now += 1
        self.files[path.encode()] = content, self._now

    def remove(self, path: str) -> None:
        del self.files[path.encode()]

    def walk(self) -> Iterator[Found]:
        for path in sorted(self.files, key=indexing.order):
            yield self._found(path)

    def _found(self, path: bytes) -> Found:
        content, at = self.files[path]
        return Found(path, "f", len(content), at * 10**9, at * 10**9)

    def read(self, file: Found) -> Iterator[FakeReading]:
        self.reads += 1
        name = file.path.decode()
        if name in self.vanishing:
            self.files.pop(file.path, None)
        if file.path not in self.files:
            return
        settled = self.changing.get(name, 0) <= 0
        self.changing[name] = self.changing.get(name, 0) - 1
        yield FakeReading(self._found(file.path), self.files[file.path][0], settled)

    def left_out(self) -> tuple[int, int]:
        return self.remote

    def strange(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class FakeReading:
    """See `ports.media_source.Reading`."""

    found: Found
    bytes: bytes
    is_settled: bool

    def content(self) -> Iterator[bytes]:
        yield self.bytes

    def settled(self) -> bool:
        return self.is_settled


class FakeIndex:
    """See `ports.media_index.MediaIndex`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._next: list[Entry] = []

    def known(self) -> Iterator[Entry]:
        yield from list(self.entries)

    def begin(self) -> None:
        self._next = []

    def add(self, entry: Entry) -> None:
        self._next.append(replace(entry))

    def lines(self) -> Iterator[bytes]:
        yield b"".join(map(indexing.line, self._next))

    def keep(self) -> None:
        self.entries = self._next
