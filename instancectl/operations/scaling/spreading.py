"""Spreads replicas over the hosts by hand, one at a time, as the autoscaler does by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from instancectl.core.result import Result, Status
from instancectl.core.scaling import hosts
from instancectl.core.scaling.hosts import Uneven
from instancectl.core.scaling.rebalance import movable
from instancectl.core.scaling.sample import HostSample, Sample
from instancectl.core.scaling.settings import Policy
from instancectl.core.unknown import Unknown
from instancectl.errors import Refused
from instancectl.operations.scaling import showing
from instancectl.operations.scaling.by_hand import Surroundings, observed_by, wait_for

MOST_MOVES: Final = 200  # in one run; each makes it more even, so this is never reached


def rebalance(around: Surroundings, *, dry_run: bool = False) -> Result:
    """Move replicas from crowded hosts to those with fewer, until no move helps.

    Raises:
        Refused: the hosts cannot be seen, or the one that is next has no room for one replica more.
        OperationFailed: a new replica does not work; the old ones stay.
    """
    with around.lock("scale rebalance"):
        observed = observed_by(around)
        policy = around.policy(observed)
        sample = around.sample(policy)
        if dry_run:
            return _shown(policy, sample)
        moved: list[str] = []
        settled: set[str] = set()
        while len(moved) < MOST_MOVES and (found := _next(policy, sample, settled)):
            _refuse(around, policy, sample, found)
            moved.append(f"`{found.service}`: {found.sentence}")
            _move(around, found, moved[-1])
            sample = around.sample(policy)
            after = hosts.uneven(_hosts(sample), found.service)
            if after is not None and after.crowding >= found.crowding:
                settled.add(found.service)  # Swarm chose otherwise: trying again would go round in circles
    if not moved:
        return Result(Status.UNCHANGED, {"moves": []}, ("no move would spread anything more evenly",))
    return Result(Status.CHANGED, {"moves": moved}, tuple(moved))


def _hosts(sample: Sample) -> tuple[HostSample, ...]:
    if isinstance(sample.hosts, Unknown):
        raise Refused(
            f"cannot spread anything: what the hosts carry is unknown: {sample.hosts.reason}",
            hint=sample.hosts.hint or "see `instancectl host list`",
        )
    return sample.hosts


def _next(policy: Policy, sample: Sample, settled: set[str]) -> Uneven | None:
    seen = _hosts(sample)
    found = (hosts.uneven(seen, name) for name in movable(policy) if name not in settled)
    return next((one for one in found if one is not None), None)


def _shown(policy: Policy, sample: Sample) -> Result:
    seen = _hosts(sample)
    found = [one for name in movable(policy) if (one := hosts.uneven(seen, name)) is not None]
    lines = [f"would begin: `{one.service}`: {one.sentence}" for one in found]
    lines = lines or ["no move would spread anything more evenly"]
    data = {"moves": [one.service for one in found], "hosts": showing.hosts_as_json(seen)}
    return Result(Status.OK, data, (*lines, *showing.host_lines(seen)))


def _refuse(around: Surroundings, policy: Policy, sample: Sample, found: Uneven) -> None:
    room = showing.room_of(policy, observed_by(around), sample)
    why = f"unknown: {room.reason}" if isinstance(room, Unknown) else room.refusal_of_move(found.service)
    if why:
        raise Refused(
            f"cannot move a replica of `{found.service}`: for a moment there is one more, and {why}",
            hint="`instancectl scale show` says what each host has room for",
            subject=found.service,
        )


def _move(around: Surroundings, found: Uneven, sentence: str) -> None:
    """One more starts; once it works, one leaves. Killed in between, the next deploy or run takes it back."""
    state = around.swarm.service(around.stack, found.service)
    if state is None:
        return
    around.reporter.note(sentence)
    around.journal.write(
        "scaled", service=found.service, before=found.replicas, now=found.replicas, why=found.sentence
    )
    spec = state.spec
    wider = replace(spec, replicas=spec.replicas + 1)
    around.swarm.update_service(around.stack, wider)
    back = "`instancectl deploy` goes back to the number before"
    wait_for(around, wider, back)
    around.swarm.update_service(around.stack, spec)
    wait_for(around, spec, back)
