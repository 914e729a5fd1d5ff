"""What no set needs: found once, marked, and removed a day later if still nobody needs it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from instancectl.core.backup import naming
from instancectl.core.backup.model import BackupSet, canonical
from instancectl.errors import OperationFailed

YOUNG_SECONDS = 48 * 3_600
"""Younger objects may belong to a run that has not ended."""

GRACE_SECONDS = 24 * 3_600
"""Between marking and removing: longer than a run that reused a pack just before it was marked."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object as the destination lists it; `modified` in epoch seconds by its clock."""

    key: str
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Marked:
    """One list of marked keys, as found in the destination."""

    key: str
    modified: float
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Collection:
    """What one collection does: mark, remove objects, and remove lists that are spent."""

    mark: tuple[str, ...]
    remove: tuple[str, ...]
    spent: tuple[str, ...]


def collect(
    listed: Iterable[Listed], sets: Iterable[BackupSet], marked: Iterable[Marked], now: float
) -> Collection:
    """Decide; every set of the destination must be among `sets`, or nothing may be collected.

    Args:
        listed: every object of the destination.
        sets: every set in it, whole.
        marked: every list of earlier collections.
        now: epoch seconds.
    """
    needed, ids = _needed(sets)
    old = {one.key for one in listed if _garbage(one.key, needed, ids) and one.modified < now - YOUNG_SECONDS}
    ripe, fresh, spent = set[str](), set[str](), []
    for one in marked:
        if one.modified < now - GRACE_SECONDS:
            ripe |= one.keys
            spent.append(one.key)
        else:
            fresh |= one.keys
    return Collection(
        mark=tuple(sorted(old - ripe - fresh)),
        remove=tuple(sorted(old & ripe)),
        spent=tuple(sorted(spent)),
    )


def _needed(sets: Iterable[BackupSet]) -> tuple[frozenset[str], frozenset[str]]:
    keys, ids = set[str](), set[str]()
    for one in sets:
        ids.add(one.id)
        keys |= {stored.key for stored in one.objects}
    return frozenset(keys), frozenset(ids)


def _garbage(key: str, needed: frozenset[str], ids: frozenset[str]) -> bool:
    if key.startswith((naming.PARTS, naming.PACKS)):
        return key not in needed
    if key.startswith((naming.PROOFS, naming.SETS)):
        owner = naming.set_of(key)
        return bool(owner) and owner not in ids
    # Anything else is not ours, or not a thing that collections remove.
    return key.startswith((naming.PROBES, naming.FOLLOWERS))


def encode_trash(keys: Iterable[str]) -> bytes:
    """The stored list. It is not signed: a forged one removes nothing that a set needs."""
    return canonical({"keys": sorted(keys)})


def decode_trash(raw: bytes) -> frozenset[str]:
    """The keys of a stored list.

    Raises:
        OperationFailed: malformed.
    """
    try:
        found: Mapping[str, object] = json.loads(raw)
        keys = found["keys"]
    except (ValueError, KeyError, TypeError) as error:
        raise OperationFailed("a list of marked objects is malformed") from error
    if not isinstance(keys, list):
        raise OperationFailed("a list of marked objects is malformed")
    return frozenset(map(str, keys))
