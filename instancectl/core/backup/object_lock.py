"""When objects of a locked bucket may be removed: set when they are written, extended while wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from instancectl.core.backup import naming
from instancectl.core.backup.garbage import Listed
from instancectl.core.backup.model import BackupSet

DAY_SECONDS: Final = 86_400
LEAST_DAYS: Final = 3
"""An extension is due when half a lock is left, and looks happen once a night, one of which may fail."""

SETTLED_SECONDS: Final = 3_600
"""Younger objects have the lock they were written with; OVHcloud refuses to extend in the first minute
(https://github.com/kopia/kopia/issues/5590)."""


@dataclass(frozen=True, slots=True)
class Term:
    """One look at the locks of a destination; epoch seconds.

    Attributes:
        at_least: whose lock ends before is extended.
        until: the new end.
    """

    at_least: float
    until: float


def ends(days: int, now: float) -> float:
    """When a lock of so many days ends that begins now, epoch seconds."""
    return float(int(now + days * DAY_SECONDS))


def term(days: int, now: float) -> Term:
    """What a look that happens now demands: half a lock at least."""
    return Term(now + days * DAY_SECONDS / 2, ends(days, now))


def surely(one: Listed, days: int, now: float) -> bool:
    """Whether an object is still locked from when it was written: to remove it need not be tried."""
    return ends(days, one.modified) > now


def wanted(sets: Iterable[BackupSet], listed: Mapping[str, Listed], now: float) -> tuple[str, ...]:
    """Every key that the sets need, with their documents and proofs; what is missing is nobody's to lock.

    Args:
        sets: those that retention keeps.
        listed: key → object, of the whole destination.
        now: epoch seconds.
    """
    ids, keys = set[str](), {naming.FORMAT_KEY}
    for one in sets:
        ids.add(one.id)
        keys |= {stored.key for stored in one.objects}
    keys |= {key for key in listed if naming.set_of(key) in ids}
    return tuple(sorted(key for key in keys & listed.keys() if listed[key].modified < now - SETTLED_SECONDS))
