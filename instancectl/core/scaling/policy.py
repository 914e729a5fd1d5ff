"""One pure function: what was remembered and what was seen → what to do, each with its sentence.

    state, decisions = decide(policy, state, sample)

The caller keeps `state`, acts on the decisions whose `act` is true, and comes back after ten seconds
with the next sample. Given the same arguments it returns the same decisions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from instancectl.core.scaling import grown, protective, rebalance
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.learn import Seen, known, learned
from instancectl.core.scaling.sample import Sample
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import LadderState, State
from instancectl.core.unknown import Unknown

STALE_SECONDS: Final = 60.0  # between two samples; after more the histories no longer fit together


def decide(policy: Policy, state: State, sample: Sample) -> tuple[State, tuple[Decision, ...]]:
    """What to do now.

    Args:
        policy: what the admin wants, and how large everything is.
        state: as returned for the previous sample; `State()` for the first.
        sample: what was read. Parts that are unknown let nothing change.

    Returns:
        The state to hand in with the next sample, and the decisions. Holds are said once, until
        their cause changes.
    """
    state, released = _mode(policy, state)
    if policy.mode == "off":
        return _said(state, (*released, _hold("instance", "off", "scaling is switched off")))
    seen = known(sample)
    if why := _blocked(state, sample, seen):
        # What is remembered is not touched: such a sample teaches nothing.
        return _said(_restarted(state, sample.at) if sample.at < state.at else state, (*released, why))
    assert isinstance(seen, Seen)  # noqa: S101 - `_blocked` returns a hold for everything else
    elapsed = seen.at - state.at
    if state.at and elapsed > STALE_SECONDS:
        state = _afresh(state)
    state = learned(policy, state if state.at else replace(state, at=seen.at - 10.0), seen, sample)
    state, decisions, outlook = grown.processes(policy, state, seen)
    state, more = protective.measures(policy, state, seen, sample, outlook)
    state, moves = rebalance.rebalanced(policy, state, seen, outlook)
    every = (*released, *decisions, *more, *moves)
    if policy.mode == "advise":
        every = tuple(replace(one, act=False) if one not in released else one for one in every)
    return _said(state, every)


def _mode(policy: Policy, state: State) -> tuple[State, tuple[Decision, ...]]:
    """What was given up while acting is taken back as soon as nobody acts any more, and the reverse."""
    acting = policy.mode == "auto"
    if acting == state.acted:
        return state, ()
    released = protective.released(policy, state) if state.acted else ()
    clean = replace(
        state,
        acted=acting,
        ladder=LadderState(),
        original="",
        set_by_us="",
        move=replace(state.move, service=""),
        mail=replace(state.mail, metered=""),
    )
    return clean, released


def _blocked(state: State, sample: Sample, seen: Seen | Unknown) -> Decision | None:
    """Why nothing may be judged now."""
    if sample.at <= state.at:
        jump = state.at - sample.at
        return _hold("instance", "clock", f"the clock went back by {jump:.0f} s; nothing is changed")
    if sample.writable:
        return _hold("instance", "redis", f"Redis refuses writes ({sample.writable}); nothing is changed")
    if sample.updating:
        return _hold("instance", "updating", f"{sample.updating}; nothing is changed meanwhile")
    if isinstance(seen, Unknown):
        return _hold("instance", "unknown", f"nothing is changed while this is unknown: {seen.reason}")
    return None


def _afresh(state: State) -> State:
    """Without histories: what is older than a minute says nothing about now. Costs and rungs stay."""
    queues = {name: replace(one, arriving=(), done=()) for name, one in state.queues.items()}
    services = {
        name: replace(one, usage=(), needs=(), ordered=(), step=None) for name, one in state.services.items()
    }
    return replace(state, queues=queues, services=services, used=(), processed=-1)


def _restarted(state: State, at: float) -> State:
    """After the clock went back: every cool-down begins anew, so that none of them lasts for hours."""
    fresh = _afresh(state)
    services = {
        name: replace(one, out_at=at, in_at=at, gave_at=at, frozen_until=0.0)
        for name, one in fresh.services.items()
    }
    ladder = LadderState(state.ladder.level, at) if state.ladder.level else LadderState()
    return replace(
        fresh,
        at=at,
        services=services,
        ladder=ladder,
        set_at=at,
        asked_at=0.0,
        crowded_since=0.0,
        recycled_at=at,
        move=replace(state.move, began_at=at, ended_at=at, hosts_at=at),
    )


def _hold(subject: str, rule: str, reason: str) -> Decision:
    return Decision(Kind.HOLD, subject, 0, 0, rule, reason)


def _said(state: State, decisions: tuple[Decision, ...]) -> tuple[State, tuple[Decision, ...]]:
    """Standing holds, and advice nobody follows, are told once; again when they come back later."""
    standing = frozenset(_gist(one) for one in decisions if _stands(one))
    new = tuple(one for one in decisions if not _stands(one) or _gist(one) not in state.said)
    return replace(state, said=standing), new


def _stands(one: Decision) -> bool:
    return one.kind is Kind.HOLD or not one.act


def _gist(one: Decision) -> tuple[str, str]:
    return one.subject, one.rule if one.kind is Kind.HOLD else f"{one.rule} {one.target}"
