"""What is known about a set: the ladder of proofs, and how one look at a destination judges it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from instancectl.core.backup.model import FORMAT, BackupSet, canonical
from instancectl.errors import OperationFailed

PROOF_KIND = "instancectl-backup-proof"


class Level(IntEnum):
    """How much was proven; each includes the ones before.

    WRITTEN: the destination acknowledged every object. PRESENT: all are listed with the right size, and the
    signature is ours. READ: every byte was read back and is the one written. DRILLED: it was restored.
    """

    WRITTEN = 0
    PRESENT = 1
    READ = 2
    DRILLED = 3

    @property
    def word(self) -> str:
        """For people and scripts."""
        return ("unverified", "present", "read", "drilled")[self]


@dataclass(frozen=True, slots=True)
class Proof:
    """One judgement, as it is signed and stored beside the set.

    Attributes:
        set_blake3: of the set's document: a proof of another document under the same id says nothing.
        at: epoch seconds.
        faults: what is wrong; empty when nothing is.
        seconds: from the first byte fetched to the first answer, when it was drilled; else 0.
    """

    set: str
    set_blake3: str
    level: int
    at: int
    faults: tuple[str, ...] = ()
    seconds: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all judgements of a set say together.

    Attributes:
        faults: of the newest judgement that found any and was not refuted since.
        at: epoch seconds of the newest judgement; 0 when there is none.
        drilled_at: epoch seconds of the newest drill that found nothing; 0 when there was none.
        drilled_seconds: how long it took.
    """

    level: Level = Level.WRITTEN
    faults: tuple[str, ...] = ()
    at: int = 0
    drilled_at: int = 0
    drilled_seconds: int = 0

    @property
    def proven(self) -> bool:
        """Whether the set counts: somebody looked at it after it was written, and nothing was wrong."""
        return self.level >= Level.PRESENT and not self.faults

    @property
    def word(self) -> str:
        """For people and scripts."""
        return "damaged" if self.faults else self.level.word


def encode(proof: Proof) -> bytes:
    """The bytes that are signed and stored."""
    return canonical({"kind": PROOF_KIND, "format": FORMAT, **asdict(proof)})


def decode(raw: bytes) -> Proof:
    """A proof from its stored bytes, whose signature was checked before.

    Raises:
        OperationFailed: malformed.
    """
    try:
        found: Mapping[str, Any] = json.loads(raw)
        if found["kind"] != PROOF_KIND:
            raise OperationFailed("a document in the place of a proof is none")
        return Proof(
            str(found["set"]),
            str(found["set_blake3"]),
            int(found["level"]),
            int(found["at"]),
            tuple(map(str, found["faults"])),
            int(found.get("seconds", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationFailed("a proof is malformed") from error


def verdict(set_id: str, set_blake3: str, proofs: Iterable[Proof]) -> Verdict:
    """What all `proofs` say about the set with this document.

    A fault stands until a later look at the same level or deeper finds nothing.
    """
    level, faults, failed_at_level, at = Level.WRITTEN, (), Level.WRITTEN, 0
    found: tuple[str, ...] = faults
    mine = sorted(
        (one for one in proofs if one.set == set_id and one.set_blake3 == set_blake3), key=lambda one: one.at
    )
    drills = [proof for proof in mine if proof.ok and proof.level >= Level.DRILLED]
    drilled = (drills[-1].at, drills[-1].seconds) if drills else (0, 0)
    for proof in mine:
        reached, at = Level(min(proof.level, Level.DRILLED)), proof.at
        if not proof.ok:
            level, found, failed_at_level = Level.WRITTEN, proof.faults, reached
        elif not found or reached >= failed_at_level:
            level, found = max(level, reached), ()
    return Verdict(level, found, at, *drilled)


def judge_presence(set_: BackupSet, listed: Mapping[str, int]) -> tuple[str, ...]:
    """What is missing or has the wrong size, in words.

    Args:
        set_: whose signature is right.
        listed: key → bytes, of the whole destination.
    """
    faults = []
    for one in set_.objects:
        size = listed.get(one.key)
        if size is None:
            faults.append(f"`{one.key}` is missing")
        elif size != one.size:
            faults.append(f"`{one.key}` has {size} bytes, {one.size} were written")
    return tuple(faults)
