"""When a complete set is not to be trusted: what shrank overnight is more often lost than deleted."""

from __future__ import annotations

from collections.abc import Mapping

from instancectl.core.backup.model import BackupSet
from instancectl.core.units import MIB, show_bytes

SMALLER = 0.3
"""A part below this share of the last one is doubted."""

LEAST_BYTES = MIB
LEAST_FILES = 100
"""Below these, shares say nothing."""

COMPARED = ("database.dump.zst.age",)


def doubts(new: BackupSet, last: BackupSet | None) -> tuple[str, ...]:
    """Why `new` is not trusted, compared with the last set that was.

    Nothing is doubted without a last set.
    """
    if last is None:
        return ()
    found = []
    for name in COMPARED:
        before, now = last.part(name), new.part(name)
        if before and now and _shrank(now.plain_bytes, before.plain_bytes, LEAST_BYTES):
            sizes = f"{show_bytes(now.plain_bytes)}, {show_bytes(before.plain_bytes)} in `{last.id}`"
            found.append(f"the database is much smaller: {sizes}")
    if _shrank(new.media.files, last.media.files, LEAST_FILES) and last.media.storage == new.media.storage:
        found.append(f"there are far fewer media: {new.media.files} files, {last.media.files} in `{last.id}`")
    return tuple(found)


def _shrank(now: int, before: int, least: int) -> bool:
    return before >= least and now < before * SMALLER


def lost_rows(rows: Mapping[str, int]) -> str:
    """What is wrong with the counted rows of a running instance; empty when nothing is."""
    return "" if rows else "PostgreSQL told of no table at all"
