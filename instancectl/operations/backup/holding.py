"""Keeps the locks of sets that are wanted from running out."""

from __future__ import annotations

from collections.abc import Collection

from instancectl.core.backup import object_lock
from instancectl.operations.backup.repository import Contents, Repository


def hold(repository: Repository, contents: Contents, ids: Collection[str], now: float) -> int:
    """Extend the lock of everything that these sets need; how many objects needed it.

    Raises:
        InstanceError: a lock could not be extended: the next look tries again.
    """
    destination = repository.destination
    if not destination.lock_days:
        return 0
    sets = [known.set for known in contents.sets if known.set and known.id in ids]
    term = object_lock.term(destination.lock_days, now)
    wanted = object_lock.wanted(sets, contents.listed, now)
    return sum(destination.hold(key, term.at_least, term.until) for key in wanted)
