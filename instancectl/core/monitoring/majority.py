"""What several vantages make of a slice together: one of them with trouble of its own decides nothing.

The agent looks past every network, from the host itself. What was bad there was bad. What was good there may
still have been out of everybody's reach, and what it did not see others may have seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import SLICE_SECONDS, Verdict

PATIENCE_SLICES = 3600 // SLICE_SECONDS
"""Whoever has not said anything about a slice for an hour has no voice in it."""


def decided(own: Sequence[Spell], told: Sequence[Sequence[Spell]], until: int) -> tuple[Spell, ...]:
    """What should stand in the ledger instead of what does, in order.

    A slice is bad when more voices say so than say that it was good; it never turns from bad to good, because
    what was counted is never taken back.

    Args:
        own: stretches of the ledger, in order and without a gap.
        told: the stretches of each vantage, in order.
        until: later slices are left for now.
    """
    if not own:
        return ()
    last = min(own[-1].last, until)
    voices = [own, *told]
    edges = {own[0].first, last + 1}
    edges |= {edge for voice in voices for one in voice for edge in (one.first, one.last + 1)}
    within = sorted(edge for edge in edges if own[0].first <= edge <= last + 1)
    found: list[Spell] = []
    firsts = [[one.first for one in voice] for voice in voices]
    for first, after in pairwise(within):
        mine, *others = (_at(voice, starts, first) for voice, starts in zip(voices, firsts, strict=True))
        verdict, cause = _vote(mine, others)
        if verdict is not Verdict.UNKNOWN:
            _add(found, Spell(first, after - 1, verdict, cause))
    return tuple(found)


def horizon(ends: Iterable[int | None], now: int) -> int:
    """The last slice that everybody has spoken of, or that is old enough.

    Args:
        ends: the last slice that each vantage tells of; None for one that does not answer.
        now: the present slice.
    """
    spoken = min((now - PATIENCE_SLICES if end is None else end for end in ends), default=now)
    return max(spoken, now - PATIENCE_SLICES)


def _at(voice: Sequence[Spell], firsts: Sequence[int], number: int) -> Spell | None:
    place = bisect_right(firsts, number) - 1
    return voice[place] if place >= 0 and voice[place].last >= number else None


def _vote(mine: Spell | None, others: Sequence[Spell | None]) -> tuple[Verdict, str]:
    """The new verdict and its cause; unknown leaves what there is."""
    if mine is None or mine.verdict is Verdict.BAD:
        return Verdict.UNKNOWN, ""
    against = [one for one in others if one is not None and one.verdict is Verdict.BAD]
    good = sum(one is not None and one.verdict is Verdict.GOOD for one in (mine, *others))
    if len(against) > good:
        here = "; not from the host" if mine.verdict is Verdict.GOOD else ""
        return Verdict.BAD, f"{', '.join(sorted({one.cause for one in against}))}{here}"
    if good and mine.verdict is Verdict.UNKNOWN:
        return Verdict.GOOD, ""
    return Verdict.UNKNOWN, ""


def _add(found: list[Spell], one: Spell) -> None:
    before = found[-1] if found else None
    if before and (before.last + 1, before.verdict, before.cause) == (one.first, one.verdict, one.cause):
        found[-1] = Spell(before.first, one.last, one.verdict, one.cause)
    else:
        found.append(one)
