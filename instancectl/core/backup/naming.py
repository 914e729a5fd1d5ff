"""Names of everything in a destination. All are random or dated and written once; none is ever reused."""

from __future__ import annotations

import re
from datetime import UTC, datetime

FORMAT_KEY = "FORMAT"
SETS = "sets/"
PARTS = "parts/"
PACKS = "media/packs/"
PROOFS = "proofs/"
TRASH = "trash/"
PROBES = "probe/"
HANDOVERS = "handovers/"
FOLLOWERS = "followers/"

SET_SUFFIX = ".json"
SIGNATURE_SUFFIX = ".sig"

_SET_ID = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f]{8}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")


def set_id(epoch_seconds: float, random: str) -> str:
    """Of a new set: its time (UTC) for people, eight random hex digits against clocks that jump."""
    at = datetime.fromtimestamp(int(epoch_seconds), UTC)
    return f"{at:%Y-%m-%dT%H%M%SZ}-{random[:8]}"


def is_set_id(text: str) -> bool:
    """Whether it has the form of one."""
    return _SET_ID.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether a key is one of ours: no way out of the destination, nothing a shell would read differently."""
    return _KEY.fullmatch(text) is not None and ".." not in text and "//" not in text


def set_key(set_id_: str) -> str:
    """The signed description of a set; it exists if and only if the set is complete."""
    return f"{SETS}{set_id_}{SET_SUFFIX}"


def signature_key(document_key: str) -> str:
    """The signature of a document; written before it."""
    return document_key + SIGNATURE_SUFFIX


def part_key(set_id_: str, name: str) -> str:
    """Of a part, without the number of its segment."""
    return f"{PARTS}{set_id_}/{name}"


def segment_key(part: str, number: int) -> str:
    """One segment of a part, counted from 1; segments are concatenated to read it."""
    return f"{part}.{number:03d}"


def pack_key(sequence: int, random: str) -> str:
    """A pack of media; sorted by name, packs are sorted by age, whatever clocks did."""
    return f"{PACKS}{sequence:010d}-{random[:8]}.tar.age"


def pack_sequence(key: str) -> int:
    """Where a pack stands among all; 0 for anything else."""
    number = key.removeprefix(PACKS).partition("-")[0]
    return int(number) if key.startswith(PACKS) and number.isdecimal() else 0


def proof_key(set_id_: str, epoch_seconds: float, random: str) -> str:
    """One judgement of a set."""
    return f"{PROOFS}{set_id_}/{int(epoch_seconds)}-{random[:8]}{SET_SUFFIX}"


def trash_key(epoch_seconds: float, random: str) -> str:
    """One list of what the next collection may remove."""
    return f"{TRASH}{int(epoch_seconds)}-{random[:8]}{SET_SUFFIX}"


def probe_key(random: str) -> str:
    """One object that is written to see whether a destination keeps what it is given."""
    return f"{PROBES}{random}"


def lasting(key: str) -> bool:
    """Whether an object is worth a lock: what is only noted on the way is not."""
    return not key.startswith((TRASH, PROBES, FOLLOWERS))


def set_of(key: str) -> str:
    """The set that a part, proof or set file belongs to; empty for anything else."""
    for prefix in (PARTS, PROOFS, SETS):
        if key.startswith(prefix):
            word = key.removeprefix(prefix).partition("/")[0]
            word = word.removesuffix(SIGNATURE_SUFFIX).removesuffix(SET_SUFFIX)
            return word if is_set_id(word) else ""
    return ""
