"""What is done beside processes: the degrade ladder, registrations, mail, recycling, asking for a host."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from instancectl.core.scaling import degrade, mail
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.grown import Outlook
from instancectl.core.scaling.learn import Seen
from instancectl.core.scaling.mail import Metering
from instancectl.core.scaling.recycle import recycled
from instancectl.core.scaling.sample import MailSample, Sample
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import LadderState, State
from instancectl.core.scaling.window import mean
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

SETTLE_SECONDS: Final = 60.0  # until a registration mode that was set must be seen
STRICTER: Final = {"open": 0, "approved": 1, "none": 2}
ASK_SECONDS: Final = 600.0  # of crowding before a host is asked for
ASK_AGAIN_SECONDS: Final = 6 * 3600.0
ASK_SHARE: Final = 0.85  # of the cores
PLANNED_SHARE: Final = 0.70  # of the cores of the hosts there would be


def measures(
    policy: Policy, state: State, seen: Seen, sample: Sample, outlook: Outlook
) -> tuple[State, list[Decision]]:
    """Everything else for this sample."""
    before = state.ladder
    weather = degrade.Weather(outlook.pressure, outlook.late, outlook.exhausted, mean(state.used, 300))
    ladder = degrade.judged(before, weather, highest=policy.ladder, at=seen.at)
    metering = Metering(closed=False, reason="")
    if isinstance(sample.mail, MailSample):
        metering = mail.metering(state.mail, sample.mail, policy.mails_per_day)
    metered = metering.reason if metering.closed else ""
    mended = state.mail.mended_at == seen.at
    state = replace(state, ladder=ladder, mail=replace(state.mail, metered=metered))
    decisions = [*_rungs(policy, before, ladder, outlook)]
    unset = state
    state, more = _registrations(state, sample, ladder, metered, outlook)
    if policy.mode != "auto":
        # Nobody sets what is only advised: there is nothing to restore, and nobody to have changed it.
        state = replace(state, original=unset.original, set_by_us=unset.set_by_us, set_at=unset.set_at)
    decisions += more
    if mended:
        why = "the mail server accepts mail again; retries do not wait for their turn"
        decisions.append(Decision(Kind.RETRY, "mailers", 1, 0, "breaker", why))
    elif state.mail.broken_since == seen.at:
        decisions.append(_broken(state))
    state, more = recycled(policy, state, seen, outlook)
    state, asked = _hosts(policy, state, seen, outlook)
    return state, [*decisions, *more, *asked]


def _broken(state: State) -> Decision:
    failed = sum(value for _, value in state.mail.failed)
    reason = (
        f"{failed:.0f} mails failed within a minute, more than were sent: one process keeps trying, "
        "so that the others do not wear out their retries"
    )
    return Decision(Kind.ASK, "mailers", 1, 1, "breaker", reason)


def _rungs(policy: Policy, before: LadderState, now: LadderState, outlook: Outlook) -> list[Decision]:
    """The edge's switches of a rung; processes and registrations follow the rung by themselves."""
    if now.level == before.level:
        return _next_rung(policy, now, outlook)
    entered = now.level > before.level
    rung = now.level if entered else before.level
    reason = _why(rung, entered=entered, outlook=outlook)
    if rung >= 3:
        kind, subject = (Kind.SHED, "edge") if rung == 3 else (Kind.VALVE, "edge")
        return [Decision(kind, subject, int(entered), int(not entered), "ladder", reason)]
    return [Decision(Kind.ASK, "instance", now.level, before.level, "ladder", reason)]


def _why(rung: int, *, entered: bool, outlook: Outlook) -> str:
    if entered:
        return (
            f"rung {rung} of the ladder: {degrade.GIVEN_UP[rung]}; the worst wait is at "
            f"{_percent(outlook.pressure)} of its objective, and no room is left ({outlook.exhausted})"
        )
    return f"rung {rung} of the ladder is left: calm for {show_seconds(degrade.CALM_SECONDS)}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if math.isfinite(share) else "far more than 100%"


def _next_rung(policy: Policy, now: LadderState, outlook: Outlook) -> list[Decision]:
    """Ask for what may not be done without a person."""
    stuck = now.level >= policy.ladder and now.pressed_since and outlook.pressure > 1
    if not stuck or now.level >= degrade.TOP:
        return []
    reason = (
        f"still too much, and `scaling.ladder = {policy.ladder}` allows no more; "
        f"next would be: {degrade.GIVEN_UP[now.level + 1]}"
    )
    return [Decision(Kind.HOLD, "instance", now.level, now.level, "ladder", reason)]


def _registrations(
    state: State, sample: Sample, ladder: LadderState, metered: str, outlook: Outlook
) -> tuple[State, list[Decision]]:
    """The strictest of what ladder and mail want; what the admin had comes back afterwards."""
    now = sample.registrations
    wanted, why = "", ""
    if ladder.level >= 2:
        wanted, why = "approved", _why(2, entered=True, outlook=outlook)
    if metered:
        wanted, why = "none", metered
    if isinstance(now, Unknown):
        if wanted or state.original:
            hold = f"the registration mode is not changed while it is unknown: {now.reason}"
            return state, [Decision(Kind.HOLD, "registrations", 0, 0, "unknown", hold)]
        return state, []
    if state.original and now != state.set_by_us and sample.at - state.set_at > SETTLE_SECONDS:
        hold = f"somebody set registrations to `{now}` meanwhile; that stands"
        left = replace(state, original="", set_by_us="")
        return left, [Decision(Kind.HOLD, "registrations", 0, 0, "admin", hold)]
    return _mode(state, now, wanted, why, sample.at)


def _mode(state: State, now: str, wanted: str, why: str, at: float) -> tuple[State, list[Decision]]:
    original = state.original or now
    target = wanted if STRICTER.get(wanted, -1) > STRICTER.get(original, 2) else original
    if target == (state.set_by_us or now):
        return state, []
    if target == original:
        reason = f"back to `{original}`, as it was"
        restored = replace(state, original="", set_by_us="", set_at=at)
        return restored, [_set_mode(original, original, reason)]
    return replace(state, original=original, set_by_us=target, set_at=at), [_set_mode(target, original, why)]


def _set_mode(mode: str, undo: str, reason: str) -> Decision:
    return Decision(Kind.REGISTRATIONS, "registrations", 1, 0, "registrations", reason, mode=mode, undo=undo)


def released(policy: Policy, state: State) -> tuple[Decision, ...]:
    """Everything that was given up, taken back at once: nobody acts any more."""
    why = "taken back: scaling is no longer automatic"
    found: list[Decision] = []
    if state.original:
        found.append(_set_mode(state.original, state.original, why))
    if name := state.move.service:
        count = state.move.replicas
        found.append(Decision(Kind.MOVE, name, count, count + 1, "rebalance", why))
    if state.ladder.level >= 4:
        found.append(Decision(Kind.VALVE, "edge", 0, 1, "ladder", why))
    if state.ladder.level >= 3:
        found.append(Decision(Kind.SHED, "edge", 0, 1, "ladder", why))
    if state.ladder.level >= 1:
        found += [
            Decision(Kind.REPLICAS, plan.service, policy.floor(plan.service), 0, "ladder", why)
            for plan in policy.scalable
            if plan.service == "sidekiq-pull"
        ]
    return tuple(found)


def _hosts(policy: Policy, state: State, seen: Seen, outlook: Outlook) -> tuple[State, list[Decision]]:
    """Ask for a host when everything that comes takes more than the hosts have, for long enough."""
    crowded = outlook.demanded_cores > ASK_SHARE * seen.cores or state.ladder.level >= 2
    since = (state.crowded_since or seen.at) if crowded else 0.0
    state = replace(state, crowded_since=since)
    if not since or seen.at - since < ASK_SECONDS or 0 < seen.at - state.asked_at < ASK_AGAIN_SECONDS:
        return state, []
    each = seen.cores / len(seen.hosts)
    more = max(1, math.ceil(outlook.demanded_cores / (PLANNED_SHARE * each)) - len(seen.hosts))
    price = f", {more * policy.host_price} a month" if policy.host_price else ""
    reason = (
        f"{outlook.demanded_cores:.1f} of {seen.cores} cores are needed for {show_seconds(seen.at - since)}: "
        f"add {more} host{'s' if more > 1 else ''} of {each:.0f} cores{price}"
    )
    return replace(state, asked_at=seen.at), [Decision(Kind.ASK, "instance", more, 0, "host", reason)]
