"""Chooses the set to restore, and refuses one that cannot be proven."""

from __future__ import annotations

from dataclasses import dataclass

from instancectl.core.backup import naming
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.restoring import DOUBTED, MISSING_MEDIA
from instancectl.core.backup.verdict import judge_presence
from instancectl.errors import OperationFailed, Refused, Unhealthy
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.repository import Contents, KnownSet, Repository


@dataclass(frozen=True, slots=True)
class Chosen:
    """A set that may be restored.

    Attributes:
        missing: packs that the destination does not hold, which the admin accepted.
    """

    known: KnownSet
    set: BackupSet
    missing: frozenset[str] = frozenset()


def choose(repository: Repository, opener: Opener, set_id: str, accepted: tuple[str, ...]) -> Chosen:
    """The set of that id, or the newest.

    Raises:
        Refused: the kit is another's, or the set was doubted from the beginning.
        Unhealthy: something of it is missing or damaged.
    """
    contents = repository.look()
    _refuse_none(contents, repository)
    known = contents.named(set_id)
    if known.set is None:
        raise Unhealthy(known.trouble, hint=_earlier(contents, known.id), subject=known.id)
    opener.refuse_foreign(known.set)
    if known.set.doubts and DOUBTED not in accepted:
        raise Refused(
            f"`{known.id}` was doubted when it was made: {known.set.doubts[0]}",
            hint=f"{_earlier(contents, known.id)}; or add `--accept-risk {DOUBTED}`",
            subject=DOUBTED,
        )
    return Chosen(known, known.set, _missing(contents, known, known.set, accepted))


def _refuse_none(contents: Contents, repository: Repository) -> None:
    where = repository.destination.name
    if not contents.sets:
        raise OperationFailed(
            f"there is no backup set in {where}",
            hint="name the place that `backup init` named, without the name of the instance",
            subject=where,
        )
    if contents.newest is None:
        raise Refused(
            f"the kit does not prove any of the {len(contents.sets)} sets in {where}: "
            f"{contents.sets[0].trouble}",
            hint="is it the kit of this instance? its first line names the instance",
            subject="kit",
        )


def _missing(
    contents: Contents, known: KnownSet, set_: BackupSet, accepted: tuple[str, ...]
) -> frozenset[str]:
    sizes = contents.sizes
    missing = frozenset(one.key for one in set_.packs if sizes.get(one.key) != one.size)
    faults = judge_presence(set_, sizes)
    only_media = all(one.key in missing for one in set_.objects if sizes.get(one.key) != one.size)
    if faults and not (only_media and MISSING_MEDIA in accepted):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        risk = f"; or go on without those media: `--accept-risk {MISSING_MEDIA}`" if only_media else ""
        raise Unhealthy(
            f"`{known.id}` is not whole: {faults[0]}{more}",
            hint=_earlier(contents, known.id) + risk,
            subject=known.id,
        )
    if known.verdict.faults and not faults and MISSING_MEDIA not in accepted:
        raise Unhealthy(
            f"`{known.id}` was found damaged: {known.verdict.faults[0]}",
            hint=_earlier(contents, known.id),
            subject=known.id,
        )
    return missing


def _earlier(contents: Contents, set_id: str) -> str:
    """What to restore instead."""
    sizes = contents.sizes
    for one in contents.sets:
        whole = one.set and not one.verdict.faults and not judge_presence(one.set, sizes)
        if whole and one.id != set_id and naming.is_set_id(one.id):
            return f"`--set {one.id}` is whole as far as was looked"
    return "no other set is whole"
