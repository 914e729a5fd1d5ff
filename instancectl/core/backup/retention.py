"""Which sets stay: the newest of each of the last days, weeks and months, counted over proven sets only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from instancectl.core.backup.verdict import Level, Verdict

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400

UNPROVEN_DAYS = 7
"""How long a set that nobody could prove stays after a newer one was proven: time to look at it."""

AHEAD_SECONDS = HOUR_SECONDS
"""A set from further in the future was made, or is judged, by a clock that is wrong."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How many of each to keep; and for how many days any moment, where WAL is sent."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 12
    moment_days: int = 7


@dataclass(frozen=True, slots=True)
class Candidate:
    """One set as retention sees it.

    Attributes:
        created: epoch seconds.
        known: whether its document could be read and its signature is ours.
        doubts: it was complete, but not trusted from the beginning.
    """

    id: str
    created: int
    verdict: Verdict = field(default_factory=Verdict)
    known: bool = True
    doubts: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it is a set one may rely on."""
        return self.known and self.verdict.proven and not self.doubts


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one set, and why in one sentence."""

    id: str
    keep: bool
    reason: str


def decide(candidates: Iterable[Candidate], policy: Policy, now: float) -> tuple[Decision, ...]:
    """One decision per set, newest first. Unknown ones stay; without any proven set all stay.

    Args:
        candidates: every set in the destination.
        policy: how many to keep.
        now: epoch seconds.
    """
    ordered = sorted(candidates, key=lambda one: (one.created, one.id), reverse=True)
    proven = [one for one in ordered if one.counts and one.created <= now + AHEAD_SECONDS]
    reasons = _reasons(proven, policy)
    return tuple(_decision(one, proven, reasons, now) for one in ordered)


def _decision(one: Candidate, proven: Sequence[Candidate], reasons: dict[str, str], now: float) -> Decision:
    if reason := reasons.get(one.id):
        return Decision(one.id, keep=True, reason=reason)
    if reason := _untouchable(one, proven, now):
        return Decision(one.id, keep=True, reason=reason)
    if one.counts:
        return Decision(one.id, keep=False, reason="newer sets of the same day, week and month are proven")
    return Decision(one.id, keep=False, reason=f"{_flaw(one)}, and `{proven[0].id}` is newer and proven")


def _untouchable(one: Candidate, proven: Sequence[Candidate], now: float) -> str:
    if not one.known:
        return "nobody can read what it is"
    if not proven:
        return "no set is proven"
    if one.created > now + AHEAD_SECONDS:
        return "it is from the future: a clock is wrong"
    if one.created >= proven[0].created:
        return "it is newer than every proven set"
    if not one.counts and one.created > now - UNPROVEN_DAYS * DAY_SECONDS:
        return f"{_flaw(one)}; it stays {UNPROVEN_DAYS} days to be looked at"
    return ""


def _flaw(one: Candidate) -> str:
    if one.doubts:
        return "it was not trusted"
    return "it is damaged" if one.verdict.faults else "it is not proven"


def _reasons(proven: Sequence[Candidate], policy: Policy) -> dict[str, str]:
    """Id → why it stays; the strongest reason first."""
    reasons: dict[str, str] = {}
    for level in (Level.PRESENT, Level.READ, Level.DRILLED):
        # A deeper proof is never given up for a shallower one, however old it is.
        newest = next((one for one in proven if one.verdict.level >= level), None)
        if newest:
            reasons.setdefault(newest.id, f"the newest that is {newest.verdict.word}")
    for form, count, what in (
        ("%Y-%m-%d", policy.daily, "day"),
        ("%G-W%V", policy.weekly, "week"),
        ("%Y-%m", policy.monthly, "month"),
    ):
        for period, id_ in _newest_per_period(proven, form, count).items():
            reasons.setdefault(id_, f"the newest of the {what} {period}")
    return reasons


def _newest_per_period(proven: Sequence[Candidate], form: str, count: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in proven:
        period = datetime.fromtimestamp(one.created, UTC).strftime(form)
        if period not in found and len(found) < count:
            found[period] = one.id
    return found
