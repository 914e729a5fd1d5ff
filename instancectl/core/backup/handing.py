"""What an instance's host leaves in a destination when it hands over, and what its follower leaves there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from instancectl.core.backup import model, naming, wal
from instancectl.core.backup.garbage import Listed
from instancectl.core.backup.model import BackupSet, Media, Part, StoredObject
from instancectl.errors import OperationFailed

FORMAT: Final = 1
KIND: Final = "instancectl-handover"
WITHDRAWN: Final = "withdrawn"
TAKEN: Final = "taken"
"""How a handover ends. Whoever writes the one object of that name first has decided."""

SEEN_SECONDS: Final = 180
"""An older trace is of a follower that is gone; it leaves one every `TRACE_SECONDS`."""

TRACE_SECONDS: Final = 20
NOBODY_FOLLOWS: Final = "nobody-follows"
RISKS: Final = (NOBODY_FOLLOWS,)
"""What an admin may accept."""

_FOLLOWER = re.compile(r"followers/(\d{1,20})/([0-9A-F]{24})-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Handover:
    """Nothing was written behind it.

    Attributes:
        id: like a set's.
        release: of Mastodon.
        system: PostgreSQL's own number of the cluster.
        last: the segment of WAL that holds the last thing that was written.
        at: epoch seconds.
        parts: Redis, and the index of the media when those are on the host.
        packs: what the index names.
        media: how many.
    """

    id: str
    instance: str
    release: str
    system: str
    last: str
    at: int
    parts: tuple[Part, ...] = ()
    packs: tuple[StoredObject, ...] = ()
    media: Media | None = None

    def over(self, set_: BackupSet) -> BackupSet:
        """A set, with what is newer."""
        names = {part.name for part in self.parts}
        kept = tuple(part for part in set_.parts if part.name not in names)
        return replace(
            set_, parts=(*kept, *self.parts), packs=self.packs or set_.packs, media=self.media or set_.media
        )


@dataclass(frozen=True, slots=True)
class Given:
    """What the host that hands over remembers: `state/handover.json`. As long as it does, it is fenced.

    Attributes:
        id: of the last handover that it wrote, or was about to write.
        place: destination where that is.
        began: epoch seconds.
        maintained: the maintenance page was there before.
        whole: it surely is there.
    """

    id: str
    place: str
    began: int
    maintained: bool = False
    whole: bool = False

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Given:
        """From the state file; raises `TypeError`, `KeyError` or `ValueError` when it is none."""
        return cls(
            str(found["id"]),
            str(found["place"]),
            int(found["began"]),
            bool(found["maintained"]),
            bool(found["whole"]),
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """What a follower leaves: whose cluster, how far it is, and when by the destination's clock."""

    key: str
    segment: str
    seen: float


def key(id_: str) -> str:
    """Of the signed document."""
    return f"{naming.HANDOVERS}{id_}{naming.SET_SUFFIX}"


def end_key(id_: str) -> str:
    """Of the object that ends it; it is written once."""
    return f"{naming.HANDOVERS}{id_}.end"


def ids(keys: Iterable[str]) -> tuple[str, ...]:
    """Of handovers whose documents are there, in order."""
    found = (one.removeprefix(naming.HANDOVERS) for one in keys if one.startswith(naming.HANDOVERS))
    named = (one.removesuffix(naming.SET_SUFFIX) for one in found if one.endswith(naming.SET_SUFFIX))
    return tuple(sorted(filter(naming.is_set_id, named)))


def trace_prefix(system: str) -> str:
    """Of what followers of a cluster leave."""
    return f"{naming.FOLLOWERS}{system}/"


def trace_key(system: str, segment: str, random: str) -> str:
    """Of one that has everything up to a segment."""
    return f"{trace_prefix(system)}{segment}-{random[:8]}"


def newest(listed: Iterable[Listed]) -> Trace | None:
    """The last that any follower left."""
    found = [
        Trace(one.key, match[2], one.modified) for one in listed if (match := _FOLLOWER.fullmatch(one.key))
    ]
    return max(found, key=lambda one: (one.seen, one.segment), default=None)


def position(segment: str, segment_bytes: int) -> int:
    """Where a segment ends, in bytes: who read so far has all of it."""
    per_log = wal.LOG_BYTES // segment_bytes
    return (int(segment[8:16], 16) * per_log + int(segment[16:], 16) + 1) * segment_bytes


def encode(handover: Handover) -> bytes:
    """The bytes that are signed and stored."""
    return model.canonical({"kind": KIND, "format": FORMAT, **asdict(handover)})


def decode(raw: bytes, id_: str) -> Handover:
    """From its stored bytes, whose signature was checked before.

    Raises:
        OperationFailed: it is of a newer format, another one, or malformed.
    """
    try:
        return _handover(json.loads(raw), id_)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationFailed(f"the handover `{id_}` is malformed", subject=id_) from error


def _handover(found: Mapping[str, Any], id_: str) -> Handover:
    if found["kind"] != KIND or found["id"] != id_ or not wal.is_segment(found["last"]):
        raise ValueError(KIND)
    if found["format"] > FORMAT:
        raise OperationFailed(
            f"the handover `{id_}` has format {found['format']}; this instancectl reads up to {FORMAT}",
            hint="use the same instancectl on both hosts",
            subject=id_,
        )
    return Handover(
        id_,
        str(found["instance"]),
        str(found["release"]),
        str(found["system"]),
        str(found["last"]),
        int(found["at"]),
        tuple(model.part(one) for one in found["parts"]),
        model.objects(found["packs"]),
        Media(**found["media"]) if found["media"] else None,
    )
