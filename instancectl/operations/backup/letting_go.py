"""Removes WAL that no base of the last days leads on with."""

from __future__ import annotations

from instancectl.core.backup import naming, object_lock, wal
from instancectl.core.backup.garbage import YOUNG_SECONDS
from instancectl.core.backup.retention import DAY_SECONDS
from instancectl.operations.backup.repository import Contents, Repository


def let_go(repository: Repository, contents: Contents, days: int, now: float) -> int:
    """How many archives went; none while a set cannot be read: nobody knows what leads on from it."""
    if any(one.set is None for one in contents.sets):
        return 0
    bases = [(one.set.created, one.set.base) for one in contents.sets if one.set and one.set.base]
    sent = wal.sent_in(contents.listed, naming.SIGNATURE_SUFFIX)
    gone = [*wal.unneeded(sent, bases, now, days * DAY_SECONDS), *_unsigned(contents, now)]
    removed, locked = 0, repository.destination.lock_days
    for key in gone:
        if object_lock.surely(contents.listed[key], locked, now):
            continue  # there may be ten thousand of them: one a minute
        # The signature first: an archive without one is as if it were not there.
        repository.destination.delete(naming.signature_key(key))
        removed += repository.destination.delete(key)
    return removed


def _unsigned(contents: Contents, now: float) -> list[str]:
    """What a killed run left: nobody signs it any more."""
    return [
        key
        for key, one in contents.listed.items()
        if wal.parse(key)
        and naming.signature_key(key) not in contents.listed
        and one.modified < now - YOUNG_SECONDS
    ]
