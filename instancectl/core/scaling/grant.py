"""Who gets the next process, and who gives one: a budget is shared by value, not by who asks first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from instancectl.core.scaling.need import Demand, Need
from instancectl.core.scaling.room import Room, taken
from instancectl.core.scaling.web import SPARE, WebDemand
from instancectl.core.scaling.window import mean
from instancectl.core.sizes import COMPUTING

Asker: TypeAlias = Demand | WebDemand

PRESSED: Final = 0.7  # share of its objective from which a service may take from another
WEAK: Final = 0.25  # a giver is worth less than this share of the asker
LITTLE_USED: Final = 0.3
GIVEN_SECONDS: Final = 300.0  # a giver does not ask again for so long
GIVEN_PRESSED: Final = 0.8  # unless it is this late itself
WORTH_IT: Final = 0.5  # value from which a computing service grows on a full processor
CROWDED_SECONDS: Final = 30.0  # and how often


@dataclass(frozen=True, slots=True)
class Grants:
    """Targets by service; the room that is left; why the rest was refused; who gives to whom.

    `order` is that in which what grows is to be ordered.
    """

    targets: Mapping[str, int]
    room: Room
    refused: Mapping[str, str] = field(default_factory=dict)
    givers: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()


def share_out(
    askers: Mapping[str, Asker],
    needs: Mapping[str, Need],
    room: Room,
    at: float,
    unlimited: frozenset[str] = frozenset(),
    kept: Collection[str] = (),
) -> Grants:
    """One process at a time to the most valuable asker, until nobody is short or the budget is empty.

    Args:
        askers: every service.
        needs: what those want that want more.
        room: what there is.
        at: seconds since the epoch.
        unlimited: services that may grow by any number at once.
        kept: services that give nothing.
    """
    targets = {name: asker.count for name, asker in askers.items()}
    refused: dict[str, str] = {}
    order: tuple[str, ...] = ()
    while short := [name for name in needs if name not in refused and needs[name].count > targets[name]]:
        name = max(short, key=lambda one: askers[one].value(targets[one]))
        if len(room.hosts) > 1 and order and order[-1] in short:
            name = order[-1]  # one service after the other: so it is done, and where Swarm chooses follows
        asker = askers[name]
        why = _hesitation(name, asker, targets[name], room, at) or room.refusal(name)
        if why:
            refused[name] = why
            continue
        targets[name] += 1
        order = (*(one for one in order if one != name), name)
        room = taken(room, name)
        if name not in unlimited and targets[name] >= asker.count + max(2, asker.count):
            needs = {**needs, name: replace(needs[name], count=targets[name])}
    able = {name: one for name, one in askers.items() if name not in kept}
    givers = _givers(able, targets, refused, room, at)
    return Grants(targets, room, refused, givers, order)


def _hesitation(name: str, asker: Asker, count: int, room: Room, at: float) -> str:
    """On a full processor one more process mostly costs its start; what waits for others is worth that."""
    if not room.crowded or (name not in COMPUTING and not _patient(asker)):
        return ""
    if asker.value(count) > WORTH_IT and at - asker.memory.out_at >= CROWDED_SECONDS and count == asker.count:
        return ""
    return f"processor: {room.used:.0%} used; one more process would cost more than it brings"


def _givers(
    askers: Mapping[str, Asker], targets: Mapping[str, int], refused: Mapping[str, str], room: Room, at: float
) -> dict[str, str]:
    """At most one service gives one process to the most pressed one that was refused."""
    pressed = [
        name
        for name, why in refused.items()
        if not why.startswith("processor") and _may_take(askers[name], at)
    ]
    if not pressed or any(isinstance(one, Demand) and one.seen.draining for one in askers.values()):
        return {}
    asker = max(pressed, key=lambda name: askers[name].value(targets[name]))
    worth = askers[asker].value(targets[asker])
    able = [
        name
        for name, one in askers.items()
        if name != asker
        and targets[name] == one.count
        and _can_give(one, askers[asker], room)
        and one.value(targets[name]) < WEAK * worth
    ]
    if not able:
        return {}
    return {min(able, key=lambda name: askers[name].value(targets[name])): asker}


def _patient(asker: Asker) -> bool:
    return isinstance(asker, Demand) and asker.patient


def _may_take(asker: Asker, at: float) -> bool:
    """What may wait for an hour takes nothing from those who may not."""
    if _patient(asker) or asker.late < PRESSED:
        return False
    return at - asker.memory.gave_at >= GIVEN_SECONDS or asker.late > GIVEN_PRESSED


def _can_give(one: Asker, asker: Asker, room: Room) -> bool:
    if isinstance(one, WebDemand):
        if one.seen.elsewhere == one.count:
            return False
        spare = one.usage * one.count < SPARE * (one.count - 1)
        return spare and one.seen.queue_seconds < 0.02 and one.count > room.policy.floor("web")
    least = 0 if one.patient else room.policy.floor(one.plan.service)
    if one.count <= least or one.seen.starting:
        return False
    weaker = isinstance(asker, WebDemand) or one.priority < asker.priority
    return weaker or mean(one.memory.usage, 300) < LITTLE_USED
