"""Processes of every service: grow within the budget, shrink slowly, and notice when growing is no use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from instancectl.core.scaling import brake, estimate, hosts, need, web
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.grant import GIVEN_PRESSED, GIVEN_SECONDS, Asker, Grants, share_out
from instancectl.core.scaling.learn import Seen
from instancectl.core.scaling.mail import CATCH_UP_SECONDS
from instancectl.core.scaling.need import Demand, Flow, Need
from instancectl.core.scaling.room import Room, taken
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import ServiceState, State, Step
from instancectl.core.scaling.web import WebDemand
from instancectl.core.scaling.window import added, mean
from instancectl.core.scaling.work import JOBS, PATIENT
from instancectl.core.sizes import WEIGHTS

STEP_SECONDS: Final = 9.0  # between two growths of one service: a sample, less its jitter
HELD_SECONDS: Final = 20.0  # one remote host holds most threads for so long before it is named
SATURATION_SECONDS: Final = 25.0  # of the processor, over which its use is averaged


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the rest of the policy needs to know of the services.

    Attributes:
        pressure: the worst wait, predicted or actual, as a share of its objective; `pull` does not count.
        late: the worst actual wait, likewise.
        exhausted: which budget is empty; empty when none is.
        demanded_cores: processor cores that everything that comes would take.
        demands: every Sidekiq service.
        room: what is left after this sample's decisions.
        settled: whether no service is changed now.
    """

    pressure: float
    late: float
    exhausted: str
    demanded_cores: float
    room: Room
    demands: Mapping[str, Demand] = field(default_factory=dict)
    settled: bool = True


def processes(policy: Policy, state: State, seen: Seen) -> tuple[State, tuple[Decision, ...], Outlook]:
    """Targets for every service."""
    demands = _demands(policy, state, seen)
    site = WebDemand(policy.layout.web, seen.web, state.service("web"), policy.web_seconds)
    room = _room(policy, state, seen)
    askers: dict[str, Asker] = {**demands, "web": site}
    fixed = {**_fixed(policy, state, demands, seen.at), **_left_alone(state, askers)}
    needs = {
        name: growing
        for name, one in askers.items()
        if (growing := _growing(policy, state, one, name, seen.at, fixed))
    }
    grants = share_out(askers, needs, room, seen.at, _unlimited(state, demands, seen.at), fixed)
    decisions = [
        *_ordered(askers, needs, grants, room),
        *_given(askers, grants, room),
        *_shrunk(policy, askers, needs, fixed, seen.at),
        *_set(askers, fixed, grants.room),
    ]
    state, undone = brake.watched(policy, state, demands, seen.at)
    taken = {one.subject for one in decisions if one.kind in {Kind.REPLICAS, Kind.PROCESSES}}
    decisions += [one for one in undone if one.subject not in taken]
    decisions += [*_refusals(grants, askers), *_waiting_for(policy, state, demands, seen)]
    state = _noted(policy, state, demands, decisions, seen.at)
    settled = not any(one.changes for one in decisions)
    return state, tuple(decisions), replace(_outlook(state, demands, site, grants, seen), settled=settled)


def _demands(policy: Policy, state: State, seen: Seen) -> dict[str, Demand]:
    found: dict[str, Demand] = {}
    carried = estimate.carried(policy, seen.queues, seen.services)
    horizon = state.boot_seconds + need.HORIZON_SECONDS
    for plan in policy.scalable:
        if plan.service not in seen.services:
            continue
        flows = tuple(
            _flow(policy, state, one) for one in carried if one.plan is plan and _judged(state, one)
        )
        memory = state.service(plan.service)
        demand = Demand(plan, seen.services[plan.service], memory, flows, horizon)
        remembered = replace(
            memory, needs=added(memory.needs, seen.at, need.brief_need(demand, policy.profile))
        )
        found[plan.service] = replace(demand, memory=remembered)
    return found


def _judged(state: State, one: estimate.Carried) -> bool:
    """While mail cannot be sent, a service that carries it among others is not enlarged for it."""
    return not (state.mail.broken_since and one.queue == "mailers" and not one.alone)


def _flow(policy: Policy, state: State, one: estimate.Carried) -> Flow:
    known = state.queue(one.queue)
    return Flow(
        one.queue,
        one.seen.size,
        one.seen.latency_seconds,
        mean(known.arriving, 300),
        estimate.arriving_soon(known, state.boot_seconds),
        estimate.rate(one, known, state.pace),
        policy.objectives[one.queue],
        float(WEIGHTS.get(one.queue, 1)),
        mean(known.done, 60),
        estimate.cores(one, known, state.pace),
    )


def _room(policy: Policy, state: State, seen: Seen) -> Room:
    services = seen.services
    counts = {name: one.replicas + one.starting + one.draining for name, one in services.items()}
    starting = {name: one.starting for name, one in services.items() if one.starting}
    if seen.web.starting:
        starting["web"] = seen.web.starting
    used = mean(state.used, SATURATION_SECONDS)
    return Room(
        policy, counts, seen.web.processes + seen.web.starting, starting, seen.hosts, seen.database, used
    )


def _fixed(policy: Policy, state: State, demands: Mapping[str, Demand], at: float) -> dict[str, Need]:
    """Services whose number is not to be judged now: held by a person, given up, or kept as a probe."""
    found: dict[str, Need] = {}
    for name, demand in demands.items():
        if name in policy.holds:
            found[name] = Need(policy.holds[name], "held", "a person holds it there")
        elif state.ladder.level >= 1 and demand.patient:
            found[name] = Need(0, "ladder", "it waits until the rest keeps up again; its jobs stay in line")
        elif demand.count + demand.seen.draining == 0 and at - demand.memory.gave_at >= GIVEN_SECONDS:
            found[name] = Need(policy.floor(name), "ladder", "its jobs are taken up again")
        elif state.mail.broken_since and [flow.queue for flow in demand.flows] == ["mailers"]:
            found[name] = Need(
                min(1, demand.count), "breaker", "the mail server fails; one process keeps trying"
            )
    if "web" in policy.holds:
        found["web"] = Need(policy.holds["web"], "held", "a person holds it there")
    return found


def _left_alone(state: State, askers: Mapping[str, Asker]) -> dict[str, Need]:
    """What moves to another host, and Puma that cannot be changed in place from here."""
    found: dict[str, Need] = {}
    for name, one in askers.items():
        if name == state.move.service:
            found[name] = Need(one.count, "rebalance", "a replica moves to another host")
        elif isinstance(one, WebDemand) and one.seen.elsewhere and one.seen.elsewhere == one.count:
            found[name] = Need(one.count, "elsewhere", "its processes are on other hosts")
    return found


def _growing(
    policy: Policy, state: State, asker: Asker, name: str, at: float, fixed: Mapping[str, Need]
) -> Need | None:
    """What the service asks for; None when it asks for nothing or may not."""
    if name in fixed or 0 < at - asker.memory.out_at < STEP_SECONDS or _gave(asker, at):
        return None
    asked = web.growth(asker, policy) if isinstance(asker, WebDemand) else need.growth(asker, policy.profile)
    filling = 0 if isinstance(asker, WebDemand) else asker.filling(policy.machine.cores)
    asked = replace(asked, count=min(asked.count, max(asker.count, policy.ceiling(name), filling)))
    if asked.count <= asker.count or at < asker.memory.frozen_until:
        return None
    return None if _held_by(state, asker, at) else asked


def _gave(asker: Asker, at: float) -> bool:
    """Whether it gave a process lately: it does not ask for it back unless it is in need itself."""
    if not asker.memory.gave_at or at - asker.memory.gave_at >= GIVEN_SECONDS:
        return False
    return asker.late <= GIVEN_PRESSED or (isinstance(asker, Demand) and asker.patient)


def _held_by(state: State, asker: Asker, at: float) -> str:
    """The queue of which one remote host holds most threads; more processes would only wait for it, too."""
    if isinstance(asker, WebDemand):
        return ""
    for flow in asker.flows:
        since = state.queue(flow.queue).held_since
        if since and at - since >= HELD_SECONDS:
            return flow.queue
    return ""


def _waiting_for(policy: Policy, state: State, demands: Mapping[str, Demand], seen: Seen) -> list[Decision]:
    """Who holds the threads of a service that would have grown."""
    found = []
    for name, demand in demands.items():
        queue = _held_by(state, demand, seen.at)
        if queue and demand.late > policy.profile.share:
            host, busy = max(seen.queues[queue].destinations.items(), key=lambda pair: pair[1])
            reason = (
                f"{busy} of {demand.seen.replicas * demand.plan.threads} threads wait for {host}, "
                "so more processes would wait for it, too"
            )
            found.append(Decision(Kind.HOLD, name, demand.count, demand.count, "destination", reason))
    return found


def _unlimited(state: State, demands: Mapping[str, Demand], at: float) -> frozenset[str]:
    """Who may grow by any number at once: mail, once its server is back, and what is sure to be late."""
    mended = state.mail.mended_at and at - state.mail.mended_at < CATCH_UP_SECONDS
    late = {name for name, one in demands.items() if not one.patient and one.strain(one.count) > 1}
    return frozenset(late | ({"sidekiq-mailers"} if mended else set()))


def _ordered(
    askers: Mapping[str, Asker], needs: Mapping[str, Need], grants: Grants, room: Room
) -> list[Decision]:
    found = []
    for name in grants.order:
        asked, target, before = needs[name], grants.targets[name], askers[name].count
        where = hosts.landed(room.hosts, grants.room.hosts, name)
        short = f"; {asked.count} wanted, but {grants.refused[name]}" if name in grants.refused else ""
        found.append(_change(name, target, before, asked.rule, asked.reason + where + short))
    return found


def _given(askers: Mapping[str, Asker], grants: Grants, room: Room) -> list[Decision]:
    found = []
    for name, asker in grants.givers.items():
        before = askers[name].count
        late = askers[asker].late
        reason = (
            f"gives a process to `{asker}`, which is at {late:.0%} of its objective; "
            f"{room.connections().arithmetic}"
        )
        found.append(_change(name, before - 1, before, "gives", reason))
    return found


def _shrunk(
    policy: Policy,
    askers: Mapping[str, Asker],
    needs: Mapping[str, Need],
    fixed: Mapping[str, Need],
    at: float,
) -> list[Decision]:
    found = []
    for name, one in askers.items():
        if name in needs or name in fixed:
            continue
        fewer = (
            web.shrinkage(one, policy, at) if isinstance(one, WebDemand) else need.shrinkage(one, policy, at)
        )
        if fewer.count < one.count:
            found.append(_change(name, fewer.count, one.count, fewer.rule, fewer.reason))
    return found


def _set(askers: Mapping[str, Asker], fixed: Mapping[str, Need], room: Room) -> list[Decision]:
    found = []
    for name, wanted in fixed.items():
        before = askers[name].count
        if wanted.count < before:
            found.append(_change(name, wanted.count, before, wanted.rule, wanted.reason))
        elif wanted.count > before:
            why = room.refusal(name)
            if why:
                found.append(
                    Decision(Kind.HOLD, name, before, before, wanted.rule, f"no room for more: {why}")
                )
            else:
                room = taken(room, name)
                found.append(_change(name, before + 1, before, wanted.rule, wanted.reason))
    return found


def _refusals(grants: Grants, askers: Mapping[str, Asker]) -> list[Decision]:
    """What was wanted and not granted, one sentence each."""
    return [
        Decision(
            Kind.HOLD,
            name,
            askers[name].count,
            askers[name].count,
            why.partition(":")[0],
            f"wants more than {askers[name].count}, but there is no room: {why}",
        )
        for name, why in grants.refused.items()
        if grants.targets[name] == askers[name].count
    ]


def _change(name: str, target: int, before: int, rule: str, reason: str) -> Decision:
    kind = Kind.PROCESSES if name == "web" else Kind.REPLICAS
    return Decision(kind, name, target, before, rule, reason)


def _noted(
    policy: Policy, state: State, demands: Mapping[str, Demand], decisions: list[Decision], at: float
) -> State:
    """When each service last changed, and what growth is being watched."""
    services = dict(state.services)
    for name, demand in demands.items():
        services[name] = replace(services.get(name, ServiceState()), needs=demand.memory.needs)
    for one in decisions:
        if one.kind in {Kind.REPLICAS, Kind.PROCESSES} and one.subject in services:
            services[one.subject] = _changed(policy, services[one.subject], one, demands.get(one.subject), at)
    return replace(state, services=services)


def _changed(
    policy: Policy, memory: ServiceState, one: Decision, demand: Demand | None, at: float
) -> ServiceState:
    if one.target < one.before:
        gave = at if one.rule == "gives" else memory.gave_at
        return replace(memory, in_at=at, gave_at=gave, step=None)
    ordered = (
        (*memory.ordered, *(at for _ in range(one.target - one.before))) if policy.mode == "auto" else ()
    )
    step = memory.step
    watched = policy.mode == "auto" and demand is not None and step is None
    if demand is not None and watched and 0 < one.before * (1 + brake.WATCHED) <= one.target:
        step = Step(at, one.before, one.target, brake.throughput(demand))
    return replace(memory, out_at=at, ordered=ordered, step=step)


def _outlook(
    state: State, demands: Mapping[str, Demand], site: WebDemand, grants: Grants, seen: Seen
) -> Outlook:
    """Pressure, what is exhausted, and the processor that everything would take."""
    stalled = {"mailers"} if state.mail.broken_since else set()
    waits = [
        (demand.wait(flow, demand.count) / flow.objective, flow.latency / flow.objective)
        for demand in demands.values()
        for flow in demand.flows
        if flow.queue not in PATIENT | stalled
    ]
    exhausted = next(iter(grants.refused.values()), "")
    if grants.room.crowded:
        exhausted = f"processor: {grants.room.used:.0%} used"
    short = sum(
        max(0.0, flow.soon - demand.count * flow.rate) * JOBS[flow.queue].processor_seconds
        for demand in demands.values()
        for flow in demand.flows
    )
    late = max([site.late, *(actual for _, actual in waits)])
    pressure = max([late, *(predicted for predicted, _ in waits)])
    return Outlook(pressure, late, exhausted, seen.used * seen.cores + short, grants.room, demands)
