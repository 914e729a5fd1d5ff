"""A backup set as a value, and the canonical bytes that are signed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from instancectl.core.backup import naming
from instancectl.core.backup.wal import Base
from instancectl.errors import OperationFailed

FORMAT = 1
"""Version of the format; a tool refuses a set of a newer one."""

KIND = "instancectl-backup-set"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a set as it lies in the destination.

    Attributes:
        size: bytes, encrypted.
        blake3: of the encrypted bytes, hex; so whoever has no private key can still judge it.
    """

    key: str
    size: int
    blake3: str


@dataclass(frozen=True, slots=True)
class Part:
    """One stream of a set: its objects in order, concatenated before they are decrypted.

    Attributes:
        name: file name without segment number; its endings say how to open it (`.zst.age`).
        plain_bytes: before compression and encryption.
    """

    name: str
    objects: tuple[StoredObject, ...]
    plain_bytes: int

    @property
    def size(self) -> int:
        """Bytes in the destination."""
        return sum(one.size for one in self.objects)


@dataclass(frozen=True, slots=True)
class Media:
    """What a set holds of uploads.

    Attributes:
        storage: `local`, or `s3`: then the files stay in their bucket and are no part of the set.
        new_files: packed by this run; the others lie in packs of earlier ones.
        left_out_files: copies of other servers' media, which Mastodon fetches again.
    """

    storage: str = "local"
    files: int = 0
    bytes: int = 0
    new_files: int = 0
    new_bytes: int = 0
    left_out_files: int = 0
    left_out_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Previous:
    """The set before: a chain in which a removed or replayed set shows."""

    id: str
    blake3: str


@dataclass(frozen=True, slots=True)
class BackupSet:
    """Database, configuration, secrets, Redis and media of one moment, under one id.

    Attributes:
        created: epoch seconds, UTC, when the run began.
        recipients: public keys it is encrypted to.
        images: reference → reference with digest, as they ran.
        doubts: why it is not trusted although it is complete; such a set never counts for retention.
        base: what its part `base.tar` is; None when it has none.
    """

    id: str
    instance: str
    created: int
    tool: str
    release: str
    recipients: tuple[str, ...]
    parts: tuple[Part, ...]
    packs: tuple[StoredObject, ...] = ()
    media: Media = field(default_factory=Media)
    images: Mapping[str, str] = field(default_factory=dict)
    previous: Previous | None = None
    doubts: tuple[str, ...] = ()
    base: Base | None = None

    @property
    def objects(self) -> tuple[StoredObject, ...]:
        """Everything it needs from the destination."""
        return (*(one for part in self.parts for one in part.objects), *self.packs)

    @property
    def size(self) -> int:
        """Bytes in the destination, packs shared with other sets included."""
        return sum(one.size for one in self.objects)

    def part(self, name: str) -> Part | None:
        """The part of that name."""
        return next((part for part in self.parts if part.name == name), None)


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one way to write a document: sorted keys, no spaces, UTF-8, a final newline."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def encode(set_: BackupSet) -> bytes:
    """The bytes that are signed and stored."""
    document = {"kind": KIND, "format": FORMAT, **asdict(set_)}
    if set_.base is None:
        del document["base"]  # as sets were before there were bases
    return canonical(document)


def decode(raw: bytes, set_id: str) -> BackupSet:
    """A set from its stored bytes, whose signature was checked before.

    Args:
        raw: the document.
        set_id: which it must be: a valid document under another name is a swap.

    Raises:
        OperationFailed: it is of a newer format, of another set, or malformed.
    """
    try:
        found = json.loads(raw)
        _refuse_strangers(found, set_id)
        set_ = _set(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationFailed(f"the set `{set_id}` is malformed", subject=set_id) from error
    for one in set_.objects:
        if not naming.is_key(one.key):
            raise OperationFailed(f"the set `{set_id}` names an object outside of it", subject=set_id)
    return set_


def _refuse_strangers(found: Mapping[str, Any], set_id: str) -> None:
    if found["kind"] != KIND:
        raise ValueError("kind")
    if found["format"] > FORMAT:
        raise OperationFailed(
            f"the set `{set_id}` has format {found['format']}; this instancectl reads up to {FORMAT}",
            hint="use a newer instancectl, or restore by hand as the set's own `FORMAT` file says",
            subject=set_id,
        )
    if found["id"] != set_id:
        raise OperationFailed(
            f"the set `{set_id}` is really `{found['id']}`: somebody swapped or replayed it", subject=set_id
        )


def _set(found: Mapping[str, Any]) -> BackupSet:
    previous = found["previous"]
    return BackupSet(
        id=str(found["id"]),
        instance=str(found["instance"]),
        created=int(found["created"]),
        tool=str(found["tool"]),
        release=str(found["release"]),
        recipients=tuple(map(str, found["recipients"])),
        parts=tuple(part(one) for one in found["parts"]),
        packs=objects(found["packs"]),
        media=Media(**found["media"]),
        images={str(key): str(value) for key, value in found["images"].items()},
        previous=Previous(str(previous["id"]), str(previous["blake3"])) if previous else None,
        doubts=tuple(map(str, found["doubts"])),
        base=Base.from_json(found["base"]) if found.get("base") else None,
    )


def part(found: Mapping[str, Any]) -> Part:
    """From a document; raises `KeyError`, `TypeError` or `ValueError` when it is none."""
    return Part(str(found["name"]), objects(found["objects"]), int(found["plain_bytes"]))


def objects(found: list[Mapping[str, Any]]) -> tuple[StoredObject, ...]:
    """The same of several objects."""
    return tuple(StoredObject(str(one["key"]), int(one["size"]), str(one["blake3"])) for one in found)
