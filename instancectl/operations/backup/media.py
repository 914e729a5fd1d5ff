"""Packs what is new among the uploads, and writes the index of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from instancectl.core.backup import index, naming, tar
from instancectl.core.backup.index import Entry, Found
from instancectl.core.backup.model import Media, Part, StoredObject
from instancectl.core.units import MIB
from instancectl.operations.backup.writing import Writer
from instancectl.ports.media_index import MediaIndex
from instancectl.ports.media_source import MediaSource, Reading
from instancectl.ports.sealing import Hasher

PACK_BYTES = 128 * MIB
"""One object for thousands of files; 10,000 packs are more than a TiB."""

ATTEMPTS = 3
"""To read a file that changes while it is read."""

PART = "media.tsv"


@dataclass(slots=True)
class Packed:
    """What came of it.

    Attributes:
        packs: every pack the index names.
        unsettled: paths that changed on every attempt; they are in no set.
    """

    part: Part
    packs: tuple[StoredObject, ...]
    media: Media
    unsettled: tuple[str, ...]


@dataclass(slots=True)
class MediaRun:
    """One run over the tree.

    Attributes:
        usable: packs of earlier sets that the destination holds whole and nobody is about to remove.
        newest_pack: sequence of the newest pack in the destination.
    """

    source: MediaSource
    local: MediaIndex
    writer: Writer
    usable: dict[str, StoredObject]
    newest_pack: int = 0
    pack_bytes: int = PACK_BYTES
    _used: set[str] = field(default_factory=set)
    _new: dict[str, StoredObject] = field(default_factory=dict)
    _files: int = 0
    _bytes: int = 0
    _new_files: int = 0
    _new_bytes: int = 0
    _unsettled: list[str] = field(default_factory=list)
    _hash: Hasher = field(init=False)
    _head: int = 0

    def run(self, *, expected_bytes: int = 0) -> Packed:
        """Pack and index; nothing is remembered until somebody calls `local.keep`."""
        self.writer.progress.begins("media", expected_bytes)
        try:
            self._pack()
        finally:
            self.writer.progress.ended()
        part = self.writer.part(PART, self.local.lines())
        packs = {**self.usable, **self._new}
        media = Media("local", self._files, self._bytes, self._new_files, self._new_bytes)
        return Packed(part, tuple(packs[key] for key in sorted(self._used)), media, tuple(self._unsettled))

    def _pack(self) -> None:
        sizes = {key: stored.size for key, stored in self.usable.items()}
        for pack in index.sparse(self.local.known(), sizes):
            del self.usable[pack]
        newest = max((naming.pack_sequence(entry.pack) for entry in self.local.known()), default=0)
        self.local.begin()
        pending = self._pending()
        for number, first in enumerate(pending, max(newest, self.newest_pack) + 1):
            key = naming.pack_key(number, self.writer.sealing.random_hex())
            stored = self.writer.pack(key, self._archive(first, pending, key))
            self._new[key] = stored

    def _pending(self) -> Iterator[Found]:
        """Files to pack; what is packed already is written to the index on the way."""
        for file, entry in index.joined(self.source.walk(), self.local.known()):
            if entry is not None and entry.pack in self.usable and (kept := self._same(file, entry)):
                self._add(kept)
            else:
                yield file

    def _same(self, file: Found, entry: Entry) -> Entry | None:
        """The entry, if the file is what was packed."""
        if index.unchanged(file, entry):
            return entry
        if not index.touched(file, entry):
            return None
        # Owner or links changed, or somebody set size and time back: only the content knows.
        for reading in self.source.read(file):
            hasher = self.writer.sealing.hasher()
            for piece in reading.content():
                hasher.update(piece)
            if hasher.hexdigest() == entry.blake3 and reading.settled():
                return replace(entry, ctime_ns=file.ctime_ns)
        return None

    def _archive(self, first: Found, rest: Iterator[Found], key: str) -> Iterator[bytes]:
        offset = 0
        file: Found | None = first
        while file is not None:
            for chunk in self._member(file, key, offset):
                offset += len(chunk)
                yield chunk
            file = next(rest, None) if offset < self.pack_bytes else None
        yield tar.END

    def _member(self, file: Found, key: str, offset: int) -> Iterator[bytes]:
        """One file; when it changes meanwhile, again behind it: the last one of a name counts."""
        for _ in range(ATTEMPTS):
            settled = True
            for reading in self.source.read(file):
                before, settled = offset, False
                for chunk in self._framed(reading):
                    offset += len(chunk)
                    yield chunk
                settled = reading.settled()
                if settled:
                    self._finished(reading.found, key, before)
            if settled:
                return
        self._unsettled.append(index.escape(file.path))

    def _framed(self, reading: Reading) -> Iterator[bytes]:
        found = reading.found
        self._hash = self.writer.sealing.hasher()
        if found.kind == "l":
            target = b"".join(reading.content())
            self._hash.update(target)
            head = tar.header(found.path, 0, found.mtime_ns // 10**9, link=target)
            self._head = len(head)
            yield head
            return
        head = tar.header(found.path, found.size, found.mtime_ns // 10**9)
        self._head = len(head)
        yield head
        for piece in reading.content():
            self._hash.update(piece)
            self.writer.progress.advanced(len(piece))
            yield piece
        yield tar.padding(found.size)

    def _finished(self, found: Found, key: str, offset: int) -> None:
        self._new_files += 1
        self._new_bytes += found.size
        digest = self._hash.hexdigest()
        at = offset + self._head
        self._add(Entry(found.path, found.kind, found.size, found.mtime_ns, digest, key, at, found.ctime_ns))

    def _add(self, entry: Entry) -> None:
        self._files += 1
        self._bytes += entry.size
        self._used.add(entry.pack)
        self.local.add(entry)
