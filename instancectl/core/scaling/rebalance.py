"""Spreads what runs over the hosts again, once one has joined or come back: Swarm itself leaves it alone.

One replica at a time: the new one starts first, where Swarm puts it, on the host with the fewest. Once it
works, one of those on the host with the most leaves, because Swarm takes fewer from there first. Each move
makes the difference smaller, so it comes to an end; one that did not is not tried again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from instancectl.core.scaling import hosts
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.grown import Outlook
from instancectl.core.scaling.hosts import Uneven
from instancectl.core.scaling.learn import Seen
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import MoveState, State
from instancectl.core.units import show_seconds

STEADY_SECONDS: Final = 120.0  # the hosts are the same for so long: one that comes and goes moves nothing
EVERY_SECONDS: Final = 120.0  # between two moves: what left has 60 s to finish, and the rest to settle
PATIENCE_SECONDS: Final = 180.0  # for the new replica to work
CALM: Final = 0.5  # pressure up to which somebody has time to move


def movable(policy: Policy) -> tuple[str, ...]:
    """The services that may leave the host with the data, those with the most jobs in hand last."""
    return ("web", "streaming", *(plan.service for plan in policy.scalable))


def rebalanced(policy: Policy, state: State, seen: Seen, outlook: Outlook) -> tuple[State, list[Decision]]:
    """Begin, end or give up one move."""
    names = tuple(sorted(host.name for host in seen.hosts))
    move = state.move
    if names != move.hosts:
        since = seen.at if move.hosts else 0.0
        move = replace(move, hosts=names, hosts_at=since, last="", stuck=())
    state = replace(state, move=move)
    if move.service:
        return _ended(state, seen)
    if len(names) < 2 or not _calm(move, seen, outlook):
        return state, []
    for service in movable(policy):
        found = hosts.uneven(seen.hosts, service)
        if found is None or service in policy.holds or service in move.stuck:
            continue
        return _begun(policy, state, seen, outlook, found)
    return state, []


def _calm(move: MoveState, seen: Seen, outlook: Outlook) -> bool:
    steady = seen.at - move.hosts_at >= STEADY_SECONDS
    rested = seen.at - move.ended_at >= EVERY_SECONDS
    leaving = any(one.draining or one.starting for one in seen.services.values())
    return steady and rested and outlook.settled and outlook.pressure <= CALM and not leaving


def _begun(
    policy: Policy, state: State, seen: Seen, outlook: Outlook, found: Uneven
) -> tuple[State, list[Decision]]:
    name, count, move = found.service, found.replicas, state.move
    if move.last == name and found.crowding >= move.crowding:
        stays = f"{found.sentence}, but the last move did not spread it: it stays until the hosts change"
        state = replace(state, move=replace(move, last="", stuck=(*move.stuck, name)))
        return state, [Decision(Kind.HOLD, name, count, count, "rebalance", stays)]
    if refusal := outlook.room.refusal_of_move(name):
        reason = f"{found.sentence}, but not now: for a moment there is one more, and {refusal}"
        return state, [Decision(Kind.HOLD, name, count, count, "rebalance", reason)]
    began = Decision(Kind.MOVE, name, count + 1, count, "rebalance", f"{found.sentence}; it starts first")
    if policy.mode != "auto":
        return state, [began]
    move = replace(move, service=name, last=name, replicas=count, crowding=found.crowding, began_at=seen.at)
    return replace(state, move=move), [began]


def _ended(state: State, seen: Seen) -> tuple[State, list[Decision]]:
    """Once the new replica works, or after it had time enough."""
    move = state.move
    carried = sum(host.carries.get(move.service, 0) for host in seen.hosts)
    if carried not in {move.replicas, move.replicas + 1}:
        why = f"somebody else made {carried} replicas of it meanwhile; that stands"
        left = replace(move, service="", ended_at=seen.at)
        return replace(state, move=left), [
            Decision(Kind.HOLD, move.service, carried, carried, "rebalance", why)
        ]
    working = sum(host.serving.get(move.service, 0) for host in seen.hosts)
    waited = seen.at - move.began_at
    if working <= move.replicas and waited < PATIENCE_SECONDS:
        return state, []
    stuck = move.stuck
    if working > move.replicas:
        reason = "the new replica works; the one it replaces finishes its jobs, or puts them back"
    else:
        reason = f"given up: the new replica does not work after {show_seconds(waited)}"
        stuck = (*stuck, move.service)
    done = Decision(Kind.MOVE, move.service, move.replicas, move.replicas + 1, "rebalance", reason)
    left = replace(move, service="", replicas=0, began_at=0.0, ended_at=seen.at, stuck=stuck)
    return replace(state, move=left), [done]
