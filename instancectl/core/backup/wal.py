"""What PostgreSQL wrote since a base: names of what is sent, what follows what, which moments it reaches.

A segment's name is timeline, log and number, eight hex digits each; the numbers of one log cover 4 GiB
(PostgreSQL's xlog_internal.h).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from instancectl.core.units import GIB

PREFIX: Final = "wal/"
SUFFIX: Final = ".tar.zst.age"
LOG_BYTES: Final = 4 * GIB

_SEGMENT = re.compile(r"[0-9A-F]{24}")
_KEY = re.compile(r"wal/(\d{1,20})/([0-9A-F]{24})-([0-9A-F]{24})-(\d{1,12})-[0-9a-f]{8}\.tar\.zst\.age")


@dataclass(frozen=True, slots=True)
class Base:
    """The cluster's files in a set, from where WAL leads on.

    Attributes:
        system: PostgreSQL's own number of the cluster.
        first: the segment with which recovery begins.
        last: the segment without which the files are not consistent.
        reached: epoch seconds; earlier moments are not in it.
        segment_bytes: size of one segment.
        version: of PostgreSQL; only the same major version reads the files.
        machine: as `uname -m` says; only the same architecture reads them.
    """

    system: str
    first: str
    last: str
    reached: int
    segment_bytes: int
    version: str = ""
    machine: str = ""

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Base:
        """From a set's document; raises `KeyError`, `TypeError` or `ValueError` when it is none."""
        made = cls(
            str(found["system"]),
            str(found["first"]),
            str(found["last"]),
            int(found["reached"]),
            int(found["segment_bytes"]),
            str(found["version"]),
            str(found["machine"]),
        )
        if not (is_segment(made.first) and is_segment(made.last) and made.segment_bytes > 0):
            raise ValueError("segment")
        return made


@dataclass(frozen=True, slots=True)
class Sent:
    """One archive of segments in a destination.

    Attributes:
        until: epoch seconds; what was committed before that is in it or in an earlier one.
    """

    key: str
    system: str
    first: str
    last: str
    until: int


@dataclass(frozen=True, slots=True)
class Chain:
    """What leads on from one base.

    Attributes:
        sent: in order, without a gap.
        until: the last moment that it reaches, epoch seconds; 0 when it does not even make the base whole.
        missing: the segment that would be next.
    """

    sent: tuple[Sent, ...]
    until: int
    missing: str


@dataclass(frozen=True, slots=True)
class Window:
    """Moments that can be reached from one base: both ends included, epoch seconds.

    Attributes:
        gap: the segment that is missing although later ones are there; empty without a gap.
    """

    set_id: str
    begins: int
    ends: int
    gap: str = ""


def is_segment(name: str) -> bool:
    """Whether a file is a whole segment."""
    return _SEGMENT.fullmatch(name) is not None


def key(system: str, first: str, last: str, until: int, random: str) -> str:
    """Of an archive of the segments from `first` to `last`."""
    return f"{PREFIX}{system}/{first}-{last}-{until}-{random[:8]}{SUFFIX}"


def parse(text: str) -> Sent | None:
    """What a key says; None for anything else."""
    found = _KEY.fullmatch(text)
    return Sent(text, found[1], found[2], found[3], int(found[4])) if found else None


def sent_in(keys: Iterable[str], signature_suffix: str) -> tuple[Sent, ...]:
    """Archives whose signatures are there, too: without it a run was killed between the two."""
    present = set(keys)
    parsed = (parse(one) for one in present if f"{one}{signature_suffix}" in present)
    return tuple(sorted((one for one in parsed if one), key=lambda one: (one.system, one.first, one.last)))


def place(lsn: str) -> int:
    """A position like `1/7000000` as a number of bytes.

    Raises:
        ValueError: it is no position.
    """
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def before(timeline: str, lsn: str, segment_bytes: int) -> str:
    """The segment that ends at, or holds the byte before, a position like `1/7000000`.

    `pg_walfile_name` is not asked: at the border of two segments 17 names another one than 16 does.

    Raises:
        ValueError: it is no position.
    """
    number = max(0, place(lsn) - 1) // segment_bytes
    per_log = LOG_BYTES // segment_bytes
    return f"{timeline}{number // per_log:08X}{number % per_log:08X}"


def following(segment: str, segment_bytes: int) -> str:
    """The name of the next segment."""
    per_log = LOG_BYTES // segment_bytes
    number = int(segment[8:16], 16) * per_log + int(segment[16:], 16) + 1
    return f"{segment[:8]}{number // per_log:08X}{number % per_log:08X}"


def signed_text(key_: str, blake3: str) -> bytes:
    """What is signed: the line that `b3sum` prints."""
    return f"{blake3}  {key_}\n".encode()


def chain(base: Base, sent: Iterable[Sent], moment: int | None = None) -> Chain:
    """What leads on from a base, as far as a moment needs it; to the end without one."""
    mine = sorted(
        (one for one in sent if one.system == base.system and one.last >= base.first),
        key=lambda one: (one.first, one.last),
    )
    taken: list[Sent] = []
    need, until = base.first, 0
    for one in mine:
        if one.first > need or (moment is not None and until >= moment and need > base.last):
            break
        if one.last >= need:
            taken.append(one)
            need, until = following(one.last, base.segment_bytes), max(until, one.until)
    return Chain(tuple(taken), until if need > base.last else 0, need)


def windows(bases: Mapping[str, Base], sent: Sequence[Sent]) -> tuple[Window, ...]:
    """What can be reached from each set with a base, oldest first; set → base."""
    found = []
    for set_id, base in sorted(bases.items(), key=lambda one: one[1].reached):
        reached = chain(base, sent)
        later = any(one.system == base.system and one.first > reached.missing for one in sent)
        gap = reached.missing if later else ""
        if reached.until >= base.reached or gap:
            found.append(Window(set_id, base.reached, max(base.reached, reached.until), gap))
    return tuple(found)


def unneeded(
    sent: Iterable[Sent], bases: Sequence[tuple[int, Base]], now: float, keep_seconds: float
) -> tuple[str, ...]:
    """Keys of archives that no base of the last days leads on with.

    Args:
        sent: all of a destination.
        bases: when a set was made, and its base, of every set that there is.
        now: epoch seconds.
        keep_seconds: how far back moments are wanted.
    """
    since = now - keep_seconds
    # The first of the wanted moments needs the base before it.
    oldest = max((made for made, _ in bases if made <= since), default=0)
    wanted = [base for made, base in bases if made >= oldest]
    return tuple(
        one.key
        for one in sent
        if one.until < since
        and not any(base.system == one.system and base.first <= one.last for base in wanted)
    )
