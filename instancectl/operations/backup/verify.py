"""Proves sets: whole and ours (L1), or every byte read back (L2); neither needs the private key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from instancectl.core.backup.model import BackupSet, StoredObject
from instancectl.core.backup.verdict import Level, Proof, judge_presence
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes
from instancectl.errors import OperationFailed, Unhealthy
from instancectl.operations.backup.place import Place
from instancectl.operations.backup.repository import Contents, KnownSet, Repository
from instancectl.operations.backup.subject import Tools

ALL = "all"
Judged = tuple[str, str, str, tuple[str, ...]]
"""Destination, set, word of the verdict, faults."""


def verify(place: Place, tools: Tools, set_id: str, *, read: bool) -> Result:
    """Judge one set, the newest (`latest`) or `all`, in every destination; each judgement is stored.

    Raises:
        InstanceError: a destination cannot be looked at, or holds no such set.
    """
    judged: list[Judged] = []
    with place.lock.hold("backup verify"):
        for repository in place.repositories:
            contents = repository.look()
            seen: dict[str, str] = {}
            judged += [
                _judge(repository, contents, known, tools, seen if read else None)
                for known in _chosen(contents, set_id)
            ]
            judged += _rolled_back(repository.destination.name, contents, place.figures.load().success)
        bad = [one for one in judged if one[3]]
        place.figures.change(
            lambda kept: replace(kept, verified=tools.clock.epoch_seconds(), verify_ok=not bad)
        )
        place.journal.write(
            "backup-verified", sets=len(judged), damaged=len(bad), level="read" if read else "present"
        )
    return Result(
        Status.FAILED if bad else Status.OK,
        {
            "sets": [
                {"destination": where, "set": id_, "verdict": word, "faults": list(faults)}
                for where, id_, word, faults in judged
            ]
        },
        tuple(line for one in judged for line in _lines(*one)) or ("there is no backup set yet",),
        exit_code=Unhealthy.exit_code if bad or not judged else 0,
    )


def _chosen(contents: Contents, set_id: str) -> tuple[KnownSet, ...]:
    if set_id == ALL or not contents.sets:
        return contents.sets
    return (contents.named(set_id),)


def _rolled_back(where: str, contents: Contents, success: float) -> Iterator[Judged]:
    """This host remembers a newer set than any that is there: removed, or an older state was put back."""
    newest = contents.newest
    if newest and newest.set and newest.set.created < success:
        made = datetime.fromtimestamp(success, UTC).isoformat(" ").replace("+00:00", "")
        fault = f"the set that was made at {made} UTC is gone: it was removed, or an older state was put back"
        yield where, newest.id, "damaged", (fault,)


def _judge(
    repository: Repository, contents: Contents, known: KnownSet, tools: Tools, seen: dict[str, str] | None
) -> Judged:
    """Judge one set; `seen` remembers the hashes of objects that were read for another one already."""
    where = repository.destination.name
    if known.set is None:
        return where, known.id, "damaged", (known.trouble,)
    faults = judge_presence(known.set, contents.sizes)
    level = Level.PRESENT
    if seen is not None:
        level = Level.READ
        missing = {one.key for one in known.set.objects if contents.sizes.get(one.key) != one.size}
        faults = (*faults, *_read(repository, known.set, missing, tools, seen))
    at = int(tools.clock.epoch_seconds())
    repository.write_proof(Proof(known.id, known.blake3, level, at, faults))
    return where, known.id, "damaged" if faults else level.word, faults


def _read(
    repository: Repository, set_: BackupSet, missing: set[str], tools: Tools, seen: dict[str, str]
) -> list[str]:
    there = [one for one in set_.objects if one.key not in missing]
    tools.progress.begins(set_.id, sum(one.size for one in there if one.key not in seen))
    faults = []
    try:
        for one in there:
            if one.key not in seen:
                seen[one.key] = _digest(repository, one, tools)
            if seen[one.key] != one.blake3:
                faults.append(f"`{one.key}` ({show_bytes(one.size)}) is not what was written")
    finally:
        tools.progress.ended()
    return faults


def _digest(repository: Repository, one: StoredObject, tools: Tools) -> str:
    hasher = tools.sealing.hasher()
    try:
        for piece in repository.destination.read(one.key):
            hasher.update(piece)
            tools.progress.advanced(len(piece))
    except OperationFailed as error:
        return error.message  # whatever it is, it is not the hash
    return hasher.hexdigest()


def _lines(where: str, id_: str, word: str, faults: tuple[str, ...]) -> list[str]:
    return [f"{id_} in {where}: {word}", *(f"  {fault}" for fault in faults)]
