"""Handovers in a destination: written once, found, and ended once by whoever comes first."""

from __future__ import annotations

from instancectl.core.backup import handing, naming
from instancectl.core.backup.handing import Handover, Trace
from instancectl.errors import OperationFailed, Unhealthy
from instancectl.operations.backup.repository import Repository


def write(repository: Repository, handover: Handover) -> None:
    """From now on somebody may take over."""
    repository.publish(handing.key(handover.id), handing.encode(handover))


def pending(repository: Repository) -> tuple[Handover, ...]:
    """Those that nobody ended, oldest first.

    Raises:
        Unhealthy: one is not ours.
    """
    keys = {one.key for one in repository.destination.listed(naming.HANDOVERS)}
    return tuple(read(repository, id_) for id_ in handing.ids(keys) if handing.end_key(id_) not in keys)


def read(repository: Repository, id_: str) -> Handover:
    """One.

    Raises:
        Unhealthy: its signature is not ours, or it is malformed.
    """
    key = handing.key(id_)
    try:
        return handing.decode(repository.genuine(key), id_)
    except OperationFailed as error:
        raise Unhealthy(
            f"cannot take `{key}` for a handover: {error.message}; nothing was changed",
            hint=f"who else may write to {repository.destination.name}? remove the object, and go on with "
            "the same command",
            subject=key,
        ) from error


def ended(repository: Repository, id_: str) -> str:
    """How it ended: one of the words of `core.backup.handing`, with who; empty as long as it did not."""
    key = handing.end_key(id_)
    if not any(one.key == key for one in repository.destination.listed(key)):
        return ""
    return repository.raw(key).decode(errors="replace").strip()


def end(repository: Repository, id_: str, word: str) -> str:
    """End it, unless somebody did; how it ended.

    Where a destination does not refuse to write an object twice, two at the same second could both win.
    """
    if found := ended(repository, id_):
        return found
    try:
        repository.store(handing.end_key(id_), f"{word}\n".encode())
    except OperationFailed:
        if not (found := ended(repository, id_)):
            raise
        return found  # decided meanwhile
    return ended(repository, id_)


def trace(repository: Repository, system: str) -> Trace | None:
    """The last that a follower of a cluster left."""
    return handing.newest(repository.destination.listed(handing.trace_prefix(system)))
