"""Removes sets that retention no longer wants, then what no set needs; a failed look removes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from instancectl.core.backup import garbage, naming, object_lock, retention
from instancectl.core.backup.retention import Candidate, Decision, Policy
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes
from instancectl.errors import Refused
from instancectl.operations.backup.holding import hold
from instancectl.operations.backup.letting_go import let_go
from instancectl.operations.backup.place import Place
from instancectl.operations.backup.repository import Contents, KnownSet, Repository
from instancectl.operations.backup.subject import Tools


@dataclass(frozen=True, slots=True)
class Expired:
    """What happened, or would happen, in one destination.

    Attributes:
        freed_bytes: of objects that no set needed.
        held: sets that should go, whose description the destination does not give up yet (object lock).
        retained: objects that no set needs, and that the destination does not give up yet.
        extended: objects whose lock would have ended too early.
        archives: of WAL, which no base of the last days leads on with.
        blocked: why nothing was collected; empty when it was.
    """

    where: str
    decisions: tuple[Decision, ...]
    held: tuple[str, ...] = ()
    marked: int = 0
    removed: int = 0
    freed_bytes: int = 0
    retained: int = 0
    extended: int = 0
    archives: int = 0
    blocked: str = ""

    @property
    def gone(self) -> int:
        """Sets that are removed."""
        return sum(not one.keep for one in self.decisions) - len(self.held)

    @property
    def changed(self) -> bool:
        """Whether anything is different now."""
        return bool(self.gone or self.removed or self.marked or self.extended or self.archives)


def expire(
    place: Place, tools: Tools, policy: Policy, *, forget: Sequence[str] = (), dry_run: bool
) -> Result:
    """Apply the policy everywhere.

    Args:
        place: the destinations.
        tools: what to work with.
        policy: how many sets to keep.
        forget: sets to remove whatever the policy says; never the last proven one.
        dry_run: only say what would be done.

    Raises:
        InstanceError: a destination could not be looked at; whatever was not reached is untouched.
    """
    now = tools.clock.epoch_seconds()
    with place.lock.hold("backup expire"):
        done = [_one(repository, policy, forget, now, dry_run=dry_run) for repository in place.repositories]
        if not dry_run:
            place.figures.change(lambda kept: replace(kept, locked=_locked(place, now)))
            place.journal.write(
                "backup-expired",
                sets=sum(one.gone for one in done),
                objects=sum(one.removed for one in done),
                locked=sum(one.extended for one in done),
            )
    changed = any(one.changed for one in done)
    status = Status.PLANNED if dry_run else Status.CHANGED if changed else Status.UNCHANGED
    return Result(
        status,
        {"destinations": [_json(one) for one in done]},
        tuple(line for one in done for line in _lines(one, dry_run=dry_run)),
    )


def _one(
    repository: Repository, policy: Policy, forget: Sequence[str], now: float, *, dry_run: bool
) -> Expired:
    contents = repository.look()
    decisions = _with_forgotten(
        retention.decide(map(candidate, contents.sets), policy, now), contents, forget
    )
    name = repository.destination.name
    if dry_run:
        return Expired(name, decisions)
    held = tuple(one.id for one in decisions if not one.keep and not remove_set(repository, one.id))
    contents = repository.look()
    # Locks first: what is collected meanwhile can wait, a lock that runs out cannot.
    extended = hold(repository, contents, {one.id for one in decisions if one.keep}, now)
    archives = let_go(repository, contents, policy.moment_days, now)
    expired = Expired(name, decisions, held, extended=extended, archives=archives)
    return collect(repository, contents, expired, now)


def _locked(place: Place, now: float) -> float:
    """Until when everything wanted is locked at least, now that every destination extended its locks."""
    days = [one.destination.lock_days for one in place.repositories if one.destination.lock_days]
    return object_lock.term(min(days), now).at_least if days else 0


def candidate(known: KnownSet) -> Candidate:
    """A set as retention sees it."""
    if known.set is None:
        return Candidate(known.id, 0, known=False)
    return Candidate(known.id, known.set.created, known.verdict, doubts=known.set.doubts)


def remove_set(repository: Repository, set_id: str) -> bool:
    """Remove a set's description; its objects are garbage from then on, and not before.

    False: the destination does not give it up yet, and the set stays whole.
    """
    key = naming.set_key(set_id)
    # The document first: a signature without one is nothing, a document without one would be a fault.
    if not repository.destination.delete(key):
        return False
    repository.destination.delete(naming.signature_key(key))
    return True


def collect(repository: Repository, contents: Contents, expired: Expired, now: float) -> Expired:
    """Mark what no set needs; remove what was marked a day ago and still is not needed."""
    unknown = [one for one in contents.sets if one.set is None]
    if unknown:
        # Nobody knows what such a set needs: to remove anything now could be to remove a part of it.
        return replace(expired, blocked=unknown[0].trouble)
    sets = [one.set for one in contents.sets if one.set]
    decided = garbage.collect(contents.listed.values(), sets, contents.marked, now)
    removed = [key for key in decided.remove if repository.destination.delete(key)]
    if decided.mark:
        repository.write_trash(decided.mark, now)
    for key in decided.spent:
        repository.destination.delete(key)
    return replace(
        expired,
        marked=len(decided.mark),
        removed=len(removed),
        freed_bytes=sum(contents.listed[key].size for key in removed),
        retained=len(decided.remove) - len(removed),
    )


def _with_forgotten(
    decisions: Iterable[Decision], contents: Contents, forget: Sequence[str]
) -> tuple[Decision, ...]:
    found = tuple(decisions)
    proven = [one.id for one in contents.sets if candidate(one).counts]
    for set_id in forget:
        contents.named(set_id)
        if proven and not set(proven) - set(forget):
            raise Refused(
                f"cannot forget `{set_id}`: no other set is proven; nothing was removed",
                hint="run `instancectl backup create` first",
                subject=set_id,
            )
    return tuple(
        Decision(one.id, keep=False, reason="it is to be forgotten") if one.id in forget else one
        for one in found
    )


def _lines(one: Expired, *, dry_run: bool) -> list[str]:
    verb = "would remove" if dry_run else "removed"
    lines = [f"{one.where}: {len(one.decisions)} sets"]
    lines += [
        f"  {_verb(one, decision, verb)} {decision.id}: {decision.reason}" for decision in one.decisions
    ]
    if one.blocked:
        lines.append(f"  objects of removed sets stay, because a set cannot be read: {one.blocked}")
    if one.removed:
        lines.append(f"  freed {show_bytes(one.freed_bytes)} in {one.removed} objects that no set needed")
    if one.marked:
        lines.append(f"  marked {one.marked} objects that no set needs; they go in a day")
    if one.archives:
        lines.append(f"  removed {one.archives} archives of WAL that no moment of the last days needs")
    if one.retained:
        lines.append(f"  {one.retained} objects that no set needs are still locked; later runs remove them")
    if one.extended:
        lines.append(f"  locked {one.extended} objects for longer, because sets that stay need them")
    return lines


def _verb(one: Expired, decision: Decision, verb: str) -> str:
    if decision.keep:
        return "kept"
    return "still locked, goes later:" if decision.id in one.held else verb


def _json(one: Expired) -> dict[str, object]:
    return {
        "destination": one.where,
        "sets": [{"set": d.id, "keep": d.keep, "reason": d.reason} for d in one.decisions],
        "marked_objects": one.marked,
        "removed_objects": one.removed,
        "freed_bytes": one.freed_bytes,
        "held_sets": list(one.held),
        "retained_objects": one.retained,
        "extended_objects": one.extended,
        "removed_wal": one.archives,
        "blocked": one.blocked,
    }
