"""Takes a few files out of a pack by fetching them alone: seconds instead of the whole pack."""

from __future__ import annotations

from collections.abc import Sequence

from instancectl.core.backup import index
from instancectl.core.backup.index import Entry
from instancectl.core.backup.model import StoredObject
from instancectl.errors import Unhealthy
from instancectl.operations.backup.opening import Opener
from instancectl.ports.media_target import MediaTarget

MOST_FILES = 16
"""Each costs a request or more; beyond that the whole pack comes sooner."""

MOST_SHARE = 0.25


def few(entries: Sequence[Entry], pack: StoredObject) -> bool:
    """Whether fetching them alone is worth it; links have no content of their own to fetch."""
    return (
        len(entries) <= MOST_FILES
        and sum(one.size for one in entries) < pack.size * MOST_SHARE
        and all(one.kind == "f" for one in entries)
    )


def take(opener: Opener, pack: StoredObject, entries: Sequence[Entry], target: MediaTarget) -> None:
    """Fetch and prove each.

    Raises:
        Unhealthy: one is not what was packed, or its path leads out.
    """
    for entry in entries:
        if not index.is_safe(entry.path):
            raise Unhealthy(
                f"the index names `{index.escape(entry.path)}`: that leads out of the media", subject=pack.key
            )
        hasher = opener.sealing.hasher()
        with target.file(entry) as sink:
            for piece in opener.piece(pack, entry.offset, entry.size):
                hasher.update(piece)
                sink.write(piece)
            if hasher.hexdigest() != entry.blake3:
                raise Unhealthy(
                    f"`{index.escape(entry.path)}` in `{pack.key}` is not what was packed", subject=pack.key
                )
