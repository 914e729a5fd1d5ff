"""Streams on their way out: counted, compressed, encrypted, hashed, throttled, cut into segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from instancectl.core.backup import naming
from instancectl.core.backup.model import Part, StoredObject
from instancectl.core.units import GIB
from instancectl.ports.clock import Clock
from instancectl.ports.destination import Destination, ObjectSink
from instancectl.ports.progress import Progress
from instancectl.ports.sealing import Sealing

SEGMENT_BYTES = 8 * GIB
"""Stores take 10,000 pieces an object at most, and a stream's length is not known beforehand."""


class Throttle:
    """Lets at most so many bytes a second pass; 0 lets all pass."""

    def __init__(self, clock: Clock, bytes_per_second: int) -> None:
        """Counts from the first byte after a pause."""
        self._clock, self._rate = clock, bytes_per_second
        self._free_at = 0.0

    def passed(self, amount: int) -> None:
        """Wait as long as these bytes should have taken."""
        if not self._rate:
            return
        now = self._clock.monotonic_seconds()
        self._free_at = max(now, self._free_at) + amount / self._rate
        if self._free_at - now > 0.05:
            self._clock.sleep(self._free_at - now)


@dataclass(slots=True)
class Writer:
    """Writes the objects of one set into one destination."""

    set_id: str
    destination: Destination
    sealing: Sealing
    recipients: Sequence[str]
    progress: Progress
    throttle: Throttle
    segment_bytes: int = SEGMENT_BYTES
    written: int = field(default=0, init=False)

    def part(self, name: str, chunks: Iterable[bytes], *, expected_bytes: int = 0) -> Part:
        """Write one part, compressed; its name gets the endings that say how to open it.

        Args:
            name: file name, e.g. `database.dump`.
            chunks: its plain content.
            expected_bytes: for progress; 0 when nobody knows.
        """
        full = f"{name}.zst.age"
        counted = _Counted(chunks, self.progress)
        self.progress.begins(name, expected_bytes)
        try:
            stored = self._store(naming.part_key(self.set_id, full), self.sealing.compress(counted), cut=True)
        finally:
            self.progress.ended()
        return Part(full, stored, counted.amount)

    def pack(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        """Write one pack of media, which is compressed already."""
        (stored,) = self._store(key, chunks, cut=False)
        return stored

    def archive(self, key: str, chunks: Iterable[bytes]) -> StoredObject:
        """Write one object, compressed."""
        (stored,) = self._store(key, self.sealing.compress(chunks), cut=False)
        return stored

    def _store(self, key: str, chunks: Iterable[bytes], *, cut: bool) -> tuple[StoredObject, ...]:
        with _Segments(self, key, self.segment_bytes if cut else 0) as segments:
            self.sealing.seal(chunks, self.recipients, segments.write)
        return tuple(segments.stored)


class _Counted:
    """Passes chunks on and counts them."""

    def __init__(self, chunks: Iterable[bytes], progress: Progress) -> None:
        self._chunks, self._progress = chunks, progress
        self.amount = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.amount += len(chunk)
            self._progress.advanced(len(chunk))
            yield chunk


class _Segments:
    """A sink that begins a new object whenever one is full; 0 never cuts."""

    def __init__(self, writer: Writer, key: str, limit: int) -> None:
        self._writer, self._key, self._limit = writer, key, limit
        self.stored: list[StoredObject] = []
        self._open: AbstractContextManager[ObjectSink] | None = None

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._end()
        elif self._open is not None:
            self._open.__exit__(kind, error, trace)

    def write(self, data: bytes) -> None:
        if self._limit:
            while self._size + len(data) > self._limit:
                room = self._limit - self._size
                self._take(data[:room])
                data = data[room:]
                self._end()
                self._begin()
        self._take(data)

    def _take(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += len(data)
        self._sink.write(data)
        self._writer.written += len(data)
        self._writer.throttle.passed(len(data))

    def _begin(self) -> None:
        self._hash, self._size = self._writer.sealing.hasher(), 0
        number = len(self.stored) + 1
        self._name = naming.segment_key(self._key, number) if self._limit else self._key
        self._open = self._writer.destination.create(self._name)
        self._sink = self._open.__enter__()

    def _end(self) -> None:
        if self._open is not None:
            closing, self._open = self._open, None
            closing.__exit__(None, None, None)
            self.stored.append(StoredObject(self._name, self._size, self._hash.hexdigest()))
