"""Reads a set with the private key: every object is compared with what was signed before it counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancectl.core.backup import tar
from instancectl.core.backup.model import BackupSet, Part, StoredObject
from instancectl.core.secrets import Secret
from instancectl.core.units import show_bytes
from instancectl.errors import OperationFailed, Refused, Unhealthy
from instancectl.ports.destination import Destination
from instancectl.ports.progress import Progress
from instancectl.ports.sealing import Sealing

SMALL_BYTES = 64 * 1024 * 1024
"""Most of a part that is held in memory: configuration, roles, counted rows."""


Write = Callable[[bytes], object]
Engine = Callable[[Iterable[bytes], Secret, Write], None]


@dataclass(frozen=True, slots=True)
class Opener:
    """One destination, and the key that opens what lies there."""

    destination: Destination
    sealing: Sealing
    identity: Secret
    progress: Progress

    def refuse_foreign(self, set_: BackupSet) -> None:
        """The key of the kit must be one that the set is sealed for.

        Raises:
            Refused: it is not.
        """
        mine = self.sealing.recipient_of(self.identity)
        if mine not in set_.recipients:
            raise Refused(
                f"the kit does not open `{set_.id}`: that is sealed for {', '.join(set_.recipients)}, "
                f"the kit holds {mine}",
                hint="use the kit that names this public key; `backup init` made one each time it ran",
                subject="kit",
            )

    def part(self, set_: BackupSet, name: str, write: Write) -> None:
        """Stream one part, decrypted and unpacked.

        Raises:
            Unhealthy: an object is missing, or not what was written.
        """
        part = self.named(set_, name)
        self.progress.begins(name.partition(".zst")[0], part.size)
        try:
            self._through(part.objects, self.sealing.unpack, write)
        finally:
            self.progress.ended()

    def small(self, set_: BackupSet, name: str) -> bytes:
        """One part, whole."""
        content = bytearray()

        def take(piece: bytes) -> None:
            content.extend(piece)
            if len(content) > SMALL_BYTES:
                raise OperationFailed(f"`{name}` is too large to be one of ours", subject=name)

        self.part(set_, name, take)
        return bytes(content)

    def about(self, set_: BackupSet) -> Mapping[str, Any]:
        """What was counted and noted when the set was made."""
        found: Mapping[str, Any] = json.loads(self.small(set_, "about.json.zst.age"))
        return found

    def files(self, set_: BackupSet) -> dict[str, bytes]:
        """Configuration and secrets: name → content."""
        return tar.contents(self.small(set_, "configuration.tar.zst.age"))

    def pack(self, stored: StoredObject, write: Write) -> None:
        """Stream one pack, decrypted."""
        self._through((stored,), self.sealing.open, write)

    def piece(self, stored: StoredObject, offset: int, size: int) -> Iterator[bytes]:
        """Some plain bytes of a pack, without the rest of it; what comes is not yet compared with any hash.

        Raises:
            Unhealthy: the pack cannot be read, or is damaged there.
        """
        try:
            yield from self.sealing.open_range(
                lambda at, length: self.destination.part_of(stored.key, at, length),
                stored.size,
                self.identity,
                (offset, size),
            )
        except OperationFailed as error:
            raise damaged(stored, "is not what was written") from error

    def named(self, set_: BackupSet, name: str) -> Part:
        """The part of that name.

        Raises:
            OperationFailed: the set has none.
        """
        part = set_.part(name)
        if part is None:
            raise OperationFailed(f"the set `{set_.id}` has no `{name}`", subject=name)
        return part

    def _through(self, objects: Sequence[StoredObject], engine: Engine, write: Write) -> None:
        """Encryption notices most damage before the hash does, but does not know in which object it is."""
        reading: list[StoredObject] = []
        refused = _Guarded(write)
        try:
            engine(self._checked(objects, reading), self.identity, refused)
        except OperationFailed as error:
            if refused.raised or not reading:
                raise
            raise damaged(reading[-1], "is not what was written") from error

    def _checked(self, objects: Sequence[StoredObject], reading: list[StoredObject]) -> Iterator[bytes]:
        for one in objects:
            reading.append(one)
            hasher, size = self.sealing.hasher(), 0
            for piece in self._read(one):
                hasher.update(piece)
                size += len(piece)
                self.progress.advanced(len(piece))
                yield piece
            if hasher.hexdigest() != one.blake3:
                raise damaged(one, f"has {show_bytes(size)} that are not what was written")

    def _read(self, one: StoredObject) -> Iterator[bytes]:
        try:
            yield from self.destination.read(one.key)
        except OperationFailed as error:
            raise damaged(one, "cannot be read") from error


class _Guarded:
    """Remembers whether the one who takes the bytes failed: that is no damage."""

    def __init__(self, write: Write) -> None:
        self._write, self.raised = write, False

    def __call__(self, data: bytes) -> None:
        try:
            self._write(data)
        except BaseException:
            self.raised = True
            raise


def damaged(one: StoredObject, how: str) -> Unhealthy:
    """An object that a set needs is not what it must be."""
    return Unhealthy(
        f"`{one.key}` {how}",
        hint="see `instancectl backup verify all --read` for what is whole; "
        "an earlier set is chosen with `--set ID`",
        subject=one.key,
    )
