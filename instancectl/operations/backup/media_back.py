"""Brings media back beside the live ones, and proves that exactly what the index names is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from instancectl.core.backup import index
from instancectl.core.backup.index import Entry, Found
from instancectl.core.backup.model import BackupSet, StoredObject
from instancectl.core.backup.restoring import MEDIA
from instancectl.core.units import show_bytes
from instancectl.errors import OperationFailed, Unhealthy
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.unpacking import Unpacker
from instancectl.ports.index_desk import IndexDesk
from instancectl.ports.media_target import MediaTarget


@dataclass(slots=True)
class MediaBack:
    """One restore of the media of a set.

    Attributes:
        missing: packs that the destination does not hold.
        accept: go on without what is missing or damaged.
    """

    opener: Opener
    desk: IndexDesk
    target: MediaTarget
    missing: set[str] = field(default_factory=set)
    accept: bool = False
    _links: list[tuple[Entry, bytes]] = field(default_factory=list)

    def read_index(self, set_: BackupSet, *, lasting: bool = True) -> None:
        """Have the index at hand; `lasting` for a later run, too."""
        lines = _Lines(self.desk)
        self.desk.begin()
        self.opener.part(set_, MEDIA, lines.write)
        lines.end()
        self.desk.close(lasting=lasting)

    def run(self, set_: BackupSet) -> str:
        """Unpack everything that an earlier run did not; what to say about it.

        Raises:
            Unhealthy: a pack is missing or damaged, and nobody accepted that.
        """
        if not self.desk.is_complete():
            self.read_index(set_)
        self.target.begin()
        stored = {one.key: one for one in set_.packs}
        left = [pack for pack in self.desk.packs() if pack not in self.missing]
        self.opener.progress.begins("media", sum(stored[pack].size for pack in left if pack in stored))
        try:
            for pack in left:
                if not self.desk.is_done(pack):
                    self._unpack(stored, pack)
        finally:
            self.opener.progress.ended()
        for entry, target in self._links:
            self.target.link(entry, target)
        self.target.settle()
        return self._prove()

    def catch_up(self, set_: BackupSet) -> str:
        """The same where most is there already: only what differs is fetched, what is gone is removed.

        One walk compares what is there, and what is fetched is compared with its hash: somebody waits.

        Raises:
            Unhealthy: a pack is missing or damaged, and nobody accepted that.
        """
        self.read_index(set_, lasting=False)  # whoever goes on reads it again
        self.target.begin()
        wanted, gone = self._differences()
        for path in gone:
            self.target.remove(path)
        stored = {one.key: one for one in set_.packs}
        for pack, entries in sorted(wanted.items()):
            entries.sort(key=lambda one: one.offset)
            for entry, target in unpack(self.opener, stored, pack, entries, self.target):
                self.target.link(entry, target)
        if wanted or gone:
            self.target.settle()
        return f"{sum(map(len, wanted.values()))} files fetched, {len(gone)} removed"

    def _differences(self) -> tuple[dict[str, list[Entry]], list[bytes]]:
        """What is to be fetched, by pack, and what is to be removed."""
        wanted: dict[str, list[Entry]] = {}
        gone: list[bytes] = []
        for file, entry in _side_by_side(self.target.walk(), self.desk.whole()):
            if entry is None and file is not None:
                gone.append(file.path)
            elif entry is not None and entry.pack not in self.missing and not _there(file, entry):
                wanted.setdefault(entry.pack, []).append(entry)
        return wanted, gone

    def _unpack(self, stored: dict[str, StoredObject], pack: str) -> None:
        try:
            links = unpack(self.opener, stored, pack, self.desk.of(pack), self.target)
        except Unhealthy:
            if not self.accept:
                raise
            self.missing.add(pack)
            return
        self._links += links
        if not links:
            # A pack with links is read again by whoever continues: only this run knows where they lead.
            self.target.settle()
            self.desk.mark_done(pack)

    def _prove(self) -> str:
        files = size = left_out = 0
        wanted = self.desk.whole()
        for file, entry in _side_by_side(self.target.walk(), wanted):
            if entry is not None and entry.pack in self.missing:
                left_out += 1
                continue
            if file is None or entry is None or not _same(file, entry):
                name = index.escape((file or entry or _NOTHING).path)
                raise OperationFailed(f"the restored media are not what the index says: `{name}`")
            files, size = files + 1, size + file.size
        said = f"{files} files, {show_bytes(size)}"
        return f"{said}; {left_out} lost with {len(self.missing)} packs" if left_out else said


def unpack(
    opener: Opener,
    stored: Mapping[str, StoredObject],
    pack: str,
    entries: Sequence[Entry],
    target: MediaTarget,
) -> list[tuple[Entry, bytes]]:
    """Take `entries` out of one pack; returns the links among them, which the caller makes last.

    Raises:
        Unhealthy: the pack is missing, damaged, or holds something else.
    """
    if pack not in stored:
        raise OperationFailed(f"the index names `{pack}`, which is no part of the set", subject=pack)
    unpacker = Unpacker(entries, target, opener.sealing)
    try:
        opener.pack(stored[pack], unpacker.write)
        unpacker.end()
    except BaseException:
        unpacker.abort()
        raise
    return unpacker.links


_NOTHING = Found(b"?", "f", 0, 0, 0)


def _same(file: Found, entry: Entry) -> bool:
    if file.kind == "l":  # a link's time is nobody's business
        return entry.kind == "l" and file.size == entry.size
    return index.touched(file, entry)


def _there(file: Found | None, entry: Entry) -> bool:
    """Whether nothing is to be fetched; where a link leads is not in the index, so it is made anew."""
    return file is not None and file.kind != "l" and entry.kind != "l" and _same(file, entry)


def _side_by_side(
    files: Iterable[Found], entries: Iterable[Entry]
) -> Iterable[tuple[Found | None, Entry | None]]:
    """Both sorted by the order of the index; whatever is on one side only has None on the other."""
    left, right = iter(files), iter(entries)
    file, entry = next(left, None), next(right, None)
    while file is not None or entry is not None:
        if entry is None or (file is not None and index.order(file.path) < index.order(entry.path)):
            yield file, None
            file = next(left, None)
        elif file is None or index.order(entry.path) < index.order(file.path):
            yield None, entry
            entry = next(right, None)
        else:
            yield file, entry
            file, entry = next(left, None), next(right, None)


class _Lines:
    """Cuts a stream into lines of an index."""

    def __init__(self, desk: IndexDesk) -> None:
        self._desk, self._rest = desk, b""

    def write(self, piece: bytes) -> None:
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            self._desk.add(index.parse(line))

    def end(self) -> None:
        if self._rest:
            raise OperationFailed("the media index ends in the middle of a line")
