"""Numbers by hand: shown, set, held and released; within the budgets, recorded for every deploy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

from instancectl.core.applied import Applied
from instancectl.core.observed import Observed
from instancectl.core.result import Result, Status
from instancectl.core.scaling import chosen
from instancectl.core.scaling.room import Room, taken
from instancectl.core.scaling.sample import Sample
from instancectl.core.scaling.settings import Policy
from instancectl.core.service import ServiceSpec
from instancectl.core.unknown import Unknown
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.scaling import showing
from instancectl.operations.scaling.showing import clock_of
from instancectl.ports.clock import Clock
from instancectl.ports.journal import Journal
from instancectl.ports.reporter import Reporter
from instancectl.ports.state import State
from instancectl.ports.swarm import Swarm

WAIT_SECONDS: Final = 300
PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that scaling by hand touches.

    Attributes:
        policy: of these hosts and this configuration; `layout` has the layout's own numbers.
        sample: one reading of the instance as it is now.
        lock: the instance's.
    """

    stack: str
    policy: Callable[[Observed], Policy]
    sample: Callable[[Policy], Sample]
    swarm: Swarm
    state: State
    journal: Journal
    lock: Callable[[str], AbstractContextManager[None]]
    reporter: Reporter
    clock: Clock


class ByHand:
    """Numbers of one instance."""

    def __init__(self, around: Surroundings) -> None:
        """Nothing is read before a method is called."""
        self._around = around

    # ---- show

    def show(self) -> Result:
        """What runs, what was chosen, and what there is room for."""
        around = self._around
        observed = observed_by(self._around)
        policy = around.policy(observed)
        applied, now = around.state.load(), around.clock.epoch_seconds()
        sample = around.sample(policy)
        room = showing.room_of(policy, observed, sample)
        seen = showing.Seen(policy, observed, sample, room)
        rows = [showing.row(seen, applied, name, now) for name in chosen.names(policy.layout)]
        lines = [*showing.table(rows), "", *showing.budget_lines(room)]
        if applied.surge_until > now:
            lines.append(f"a surge is declared until {clock_of(applied.surge_until)}")
        lines += showing.host_lines(sample.hosts)
        data: dict[str, Any] = {"mode": policy.mode, "services": rows, "surge_until": applied.surge_until}
        data["hosts"] = showing.hosts_as_json(sample.hosts)
        if isinstance(room, Unknown):
            data["budget"] = {"unknown": room.reason}
        else:
            connections = room.connections()
            data["budget"] = {"connections": connections.total, "max_connections": connections.limit}
        return Result(Status.OK, data, tuple(lines))

    # ---- set, hold, release

    def set(self, wanted: Mapping[str, int]) -> Result:
        """Run so many processes, from now on and after every deploy.

        Raises:
            Refused: there is no room, with the arithmetic; or such a number is never possible.
        """

        def record(applied: Applied, policy: Policy) -> Applied:
            own = {
                name for name, number in wanted.items() if number == chosen.configured(policy.layout, name)
            }
            scale = {**applied.scale, **wanted}
            holds = {name: held for name, held in applied.holds.items() if name not in wanted}
            return replace(
                applied, scale={name: n for name, n in scale.items() if name not in own}, holds=holds
            )

        return self._change("scale set", wanted, record)

    def hold(self, service: str, number: int, until: float) -> Result:
        """Run so many processes until then (seconds since 1970); the autoscaler leaves the service alone."""

        def record(applied: Applied, _: Policy) -> Applied:
            return replace(applied, holds={**applied.holds, service: (number, until)})

        return self._change("scale hold", {service: number}, record, f", held until {clock_of(until)}")

    def release(self, services: tuple[str, ...]) -> Result:
        """Back to the layout's numbers; nothing is held any longer."""
        applied = self._around.state.load()
        names = services or tuple({**applied.scale, **applied.holds})
        policy = self._around.policy(observed_by(self._around))
        known = chosen.names(policy.layout)
        wanted = {name: chosen.configured(policy.layout, name) for name in names if name in known}
        for name in services:
            chosen.refuse_impossible(policy.layout, name, 1)

        def record(applied: Applied, _: Policy) -> Applied:
            return replace(
                applied,
                scale={name: n for name, n in applied.scale.items() if name not in names},
                holds={name: held for name, held in applied.holds.items() if name not in names},
            )

        return self._change("scale release", wanted, record)

    def expire(self) -> Result:
        """End the holds whose time is over.

        The number that was chosen before, or the layout's, runs again; where scaling is automatic the number
        stays, because the policy takes it from there.
        """
        around = self._around
        applied, now = around.state.load(), around.clock.epoch_seconds()
        policy = around.policy(observed_by(self._around))
        known = chosen.names(policy.layout)
        over = {name: number for name, (number, end) in applied.holds.items() if end <= now}
        if not over:
            return Result(Status.UNCHANGED, {"services": {}}, ("no hold is over",))
        wanted = {
            name: number
            if policy.mode == "auto"
            else applied.scale.get(name, chosen.configured(policy.layout, name))
            for name, number in over.items()
            if name in known
        }

        def record(applied: Applied, policy: Policy) -> Applied:
            left = {name: held for name, held in applied.holds.items() if name not in over}
            scale = {**applied.scale, **wanted}
            own = {
                n
                for n, number in scale.items()
                if n in known and number == chosen.configured(policy.layout, n)
            }
            return replace(
                applied, holds=left, scale={name: n for name, n in scale.items() if name not in own}
            )

        return self._change("scale release", wanted, record)

    def _change(
        self,
        why: str,
        wanted: Mapping[str, int],
        record: Callable[[Applied, Policy], Applied],
        further: str = "",
    ) -> Result:
        around = self._around
        with around.lock(why):
            observed = observed_by(self._around)
            policy = around.policy(observed)
            self._refuse(policy, observed, wanted)
            before = around.state.load()
            after = record(before, policy)
            if after != before:
                # Recorded first: a deploy after a kill brings what was wanted.
                around.state.save(after)
            changes = self._apply(policy, observed, wanted)
        if not changes and after == before:
            said = "everything runs in these numbers already" + further
            return Result(Status.UNCHANGED, {"services": dict(wanted)}, (said,))
        lines = [
            f"`{name}` {was} → {now}{further}" + ("; those that leave finish their jobs" if now < was else "")
            for name, was, now in changes
        ] or [f"`{name}` runs {number} already{further}" for name, number in wanted.items()]
        notes: tuple[str, ...] = ()
        if policy.mode == "auto" and why == "scale set":
            notes = ("scaling is automatic: it may change this again; `instancectl scale hold` keeps it",)
        return Result(Status.CHANGED, {"services": dict(wanted)}, tuple(lines), notes)

    def _refuse(self, policy: Policy, observed: Observed, wanted: Mapping[str, int]) -> None:
        for name, number in wanted.items():
            chosen.refuse_impossible(policy.layout, name, number)
        more = {name: n for name, n in wanted.items() if n > showing.running(observed, name)}
        if not more:
            return
        for name, number in more.items():
            _refuse_cores(policy, name, number)
        room = showing.room_of(policy, observed, self._around.sample(policy))
        if isinstance(room, Unknown):
            raise Refused(
                f"cannot judge whether there is room: {room.reason}",
                hint=room.hint or "see `instancectl status`",
                subject=next(iter(more)),
            )
        for name, number in more.items():
            room = _with_room(room, name, showing.running(observed, name), number)

    def _apply(
        self, policy: Policy, observed: Observed, wanted: Mapping[str, int]
    ) -> list[tuple[str, int, int]]:
        """Only the number changes: whatever else a deploy would change waits for one."""
        around, changes = self._around, []
        for name, number in wanted.items():
            state = observed.services[name]
            spec = state.spec
            new = chosen.resized(spec, policy.layout, number)
            if new == spec:
                if not state.converged:  # an earlier run was killed while it waited
                    wait_for(around, new)
                continue
            was = chosen.running(spec)
            around.reporter.note(f"`{name}` {was} → {number}")
            around.journal.write("scaled", service=name, before=was, now=number, why="by hand")
            around.swarm.update_service(around.stack, new)
            wait_for(around, new)
            changes.append((name, was, chosen.running(new)))
        return changes


def wait_for(around: Surroundings, spec: ServiceSpec, back: str = "") -> None:
    """Until a service runs as wanted; `back` says how to go back if it does not.

    Raises:
        OperationFailed: it does not, with the reason, or was taken back by Swarm.
    """
    deadline = around.clock.monotonic_seconds() + WAIT_SECONDS
    while True:
        state = around.swarm.service(around.stack, spec.name)
        if state is not None and state.converged and state.spec == spec:
            return
        undone = state is not None and state.update_state.startswith("rollback")
        if undone or around.clock.monotonic_seconds() > deadline:
            why = around.swarm.describe_unhealthy(around.stack, spec.name)
            raise OperationFailed(
                f"`{spec.name}` does not run with {chosen.running(spec)} processes: {why}",
                hint=f"`instancectl logs {spec.name}`; "
                + (back or f"`instancectl scale release {spec.name}` goes back"),
                subject=spec.name,
            )
        around.clock.sleep(PAUSE_SECONDS)


def observed_by(around: Surroundings) -> Observed:
    """The stack as it is.

    Raises:
        Refused: there is none.
    """
    observed = around.swarm.observe(around.stack)
    if "web" not in observed.services:
        raise Refused(
            "cannot scale: the instance is not deployed on this host",
            hint="run `instancectl deploy` first",
            subject=around.stack,
        )
    return observed


def _refuse_cores(policy: Policy, name: str, number: int) -> None:
    most = policy.ceiling(name)
    if number > most:
        raise Refused(
            f"cannot run {number} processes of `{name}`: processor: a Ruby process uses one core at most, "
            f"and max({policy.machine.cores} cores, {policy.configured(name)} of the layout) = {most} "
            f"< {number}",
            hint=f"`instancectl scale set {name}={most}`; threads and hosts are further ways to grow",
            subject=name,
        )


def _with_room(room: Room, name: str, now: int, number: int) -> Room:
    """The room that is left once the service has its processes."""
    for count in range(now + 1, number + 1):
        if why := room.refusal(name):
            raise Refused(
                f"cannot run {number} processes of `{name}`, there is room for {count - 1}: {why}",
                hint=f"`instancectl scale set {name}={count - 1}`, or take from another service first",
                subject=name,
            )
        room = taken(room, name)
    return room
