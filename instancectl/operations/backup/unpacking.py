"""Takes files out of packs: what the index names, each compared with its hash, the rest passed over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from instancectl.core.backup import index, tar
from instancectl.core.backup.index import Entry
from instancectl.errors import OperationFailed, Unhealthy
from instancectl.ports.destination import ObjectSink
from instancectl.ports.media_target import MediaTarget
from instancectl.ports.sealing import Hasher, Sealing


@dataclass(slots=True)
class Unpacker:
    """Takes the bytes of one decrypted pack.

    Links are put aside in `links` and made last: until then no path leads anywhere else.

    Attributes:
        entries: what is wanted of the pack, by offset.
    """

    entries: Sequence[Entry]
    target: MediaTarget
    sealing: Sealing
    links: list[tuple[Entry, bytes]] = field(default_factory=list)
    _at: int = 0
    _number: int = 0
    _tail: bytes = b""
    _open: AbstractContextManager[ObjectSink] | None = None
    _sink: ObjectSink | None = None
    _hash: Hasher | None = None
    _left: int = 0

    def write(self, data: bytes) -> None:
        """Take more of it."""
        left = memoryview(data)
        while left:
            taken = self._content(left) if self._open else self._between(left)
            self._at += taken
            left = left[taken:]
            if not self._open:
                self._begin_if_here()

    def end(self) -> None:
        """The pack has ended: everything wanted must have come.

        Raises:
            Unhealthy: something is missing.
        """
        if self._number < len(self.entries):
            missing = self.entries[self._number]
            raise Unhealthy(
                f"the pack `{missing.pack}` ends before `{index.escape(missing.path)}`", subject=missing.pack
            )

    def abort(self) -> None:
        """Something else failed: a file that is half written gets no name."""
        if self._open:
            closing, self._open = self._open, None
            error = OperationFailed("given up")
            closing.__exit__(OperationFailed, error, None)

    @property
    def _next(self) -> Entry | None:
        return self.entries[self._number] if self._number < len(self.entries) else None

    def _between(self, data: memoryview) -> int:
        entry = self._next
        if entry is None:
            return len(data)
        if entry.offset < self._at:
            raise Unhealthy(f"the index contradicts itself about `{entry.pack}`", subject=entry.pack)
        taken = min(len(data), entry.offset - self._at)
        if entry.kind == "l":
            keep = tar.link_head(entry.path, entry.size)
            self._tail = (self._tail + bytes(data[:taken]))[-keep:]
        return taken

    def _begin_if_here(self) -> None:
        """Begin what lies here; links and empty files end at once, so several may lie at one place."""
        while (entry := self._next) and entry.offset == self._at and not self._open:
            if not index.is_safe(entry.path):
                raise Unhealthy(
                    f"the index names `{index.escape(entry.path)}`: that leads out of the media",
                    subject=entry.pack,
                )
            if entry.kind == "l":
                self._link(entry)
                continue
            self._open = self.target.file(entry)
            self._sink, self._hash, self._left = self._open.__enter__(), self.sealing.hasher(), entry.size
            if not self._left:
                self._finish(entry)

    def _content(self, data: memoryview) -> int:
        entry = self._next
        if self._sink is None or self._hash is None or entry is None:
            raise OperationFailed("a file is taken that was not begun")
        piece = bytes(data[: self._left])
        self._hash.update(piece)
        self._sink.write(piece)
        self._left -= len(piece)
        if not self._left:
            self._finish(entry)
        return len(piece)

    def _finish(self, entry: Entry) -> None:
        self._compare(entry, self._hash)
        if self._open:
            closing, self._open = self._open, None
            closing.__exit__(None, None, None)
        self._number += 1

    def _link(self, entry: Entry) -> None:
        target = tar.link_target(self._tail, entry.path, entry.size)
        hasher = self.sealing.hasher()
        hasher.update(target)
        self._compare(entry, hasher)
        self.links.append((entry, target))
        self._number, self._tail = self._number + 1, b""

    def _compare(self, entry: Entry, hasher: Hasher | None) -> None:
        if hasher is None or hasher.hexdigest() != entry.blake3:
            raise Unhealthy(
                f"`{index.escape(entry.path)}` in `{entry.pack}` is not what was packed", subject=entry.pack
            )
