"""How many processes a service needs, by itself and without looking at any budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from instancectl.core.scaling.sample import ServiceSample
from instancectl.core.scaling.settings import Policy, Profile
from instancectl.core.scaling.state import REGRET_SECONDS, ServiceState
from instancectl.core.scaling.window import largest, mean, span
from instancectl.core.scaling.work import PATIENT, PRIORITIES
from instancectl.core.sizes import SidekiqPlan
from instancectl.core.units import show_seconds

CALM_SECONDS: Final = 300.0  # after growing, and of history, before a service may shrink
SETTLE_SECONDS: Final = 120.0  # between two changes of which the second shrinks
CLEAR: Final = 0.1  # share of its objective below which a queue is as good as empty
OLD: Final = 0.25  # share of its objective that the oldest job may have waited when shrinking
TAKEN: Final = 0.7
NOTICED_SECONDS: Final = 2.0
NOTICED_USAGE: Final = 0.5
HORIZON_SECONDS: Final = 20.0
IN_USE: Final = 0.4  # share of the lower bound above which a service that shrank in vain does not try again
EVIDENCE_SECONDS: Final = 240.0  # least history before anything shrinks


@dataclass(frozen=True, slots=True)
class Flow:
    """One queue now; `arriving`, `soon`, `done` and `rate` (of one process) are jobs per second.

    `cores` is what one process uses of the processor with every thread at work.
    """

    queue: str
    size: int
    latency: float
    arriving: float
    soon: float
    rate: float
    objective: float
    weight: float = 1.0
    done: float = 0.0
    cores: float = 1.0


@dataclass(frozen=True, slots=True)
class Demand:
    """One Sidekiq service, what is asked of it, and what it has."""

    plan: SidekiqPlan
    seen: ServiceSample
    memory: ServiceState
    flows: tuple[Flow, ...]
    horizon: float

    @property
    def count(self) -> int:
        """Processes that take jobs or soon will."""
        return self.seen.replicas + self.seen.starting

    @property
    def usage(self) -> float:
        """Utilisation of the last minute, 0 to 1."""
        return mean(self.memory.usage, 60)

    @property
    def taken(self) -> bool:
        """Whether most threads are at work: only then more arrivals than departures mean a line to come."""
        return mean(self.memory.usage, 20) >= TAKEN

    @property
    def patient(self) -> bool:
        """Whether all its queues may wait for long."""
        return all(flow.queue in PATIENT for flow in self.flows)

    @property
    def priority(self) -> float:
        """That of its most important queue."""
        return max((PRIORITIES[flow.queue] for flow in self.flows), default=0.0)

    def wait(self, flow: Flow, count: int) -> float:
        """Seconds a job waits that arrives when new processes would be up, with `count` processes."""
        asked = sum(one.weight for one in self.flows if one.size or one is flow)
        able = count * flow.rate * flow.weight / asked
        if able <= 0:
            return math.inf if flow.size or flow.soon else 0.0
        short = max(0.0, flow.soon - able) if self.taken else 0.0
        return (flow.size + short * self.horizon) / able

    def strain(self, count: int) -> float:
        """The worst predicted wait as a share of its objective."""
        return max((self.wait(flow, count) / flow.objective for flow in self.flows), default=0.0)

    @property
    def late(self) -> float:
        """The worst of predicted and actual wait as a share of its objective, with what there is."""
        shares = (max(self.wait(flow, self.count), flow.latency) / flow.objective for flow in self.flows)
        return max(shares, default=0.0)

    def filling(self, cores: int) -> int:
        """Processes that fill so many cores; where jobs wait for others, these are more than the cores."""
        return int(cores / max((flow.cores for flow in self.flows), default=1.0))

    def value(self, count: int) -> float:
        """How much one more process is worth; what is most valuable is served first."""
        return self.priority * max(self.strain(count), 0.5 * self.usage * self.count / max(1, count))


@dataclass(frozen=True, slots=True)
class Need:
    """Processes a service would have if it were alone, the rule that says so, and its sentence."""

    count: int
    rule: str
    reason: str


def growth(demand: Demand, profile: Profile) -> Need:
    """At least what there is; more when a queue gets late, or when there is no head-room left."""
    best = Need(demand.count, "enough", "it keeps up")
    high = min((profile.high[flow.queue] for flow in demand.flows if flow.queue in profile.high), default=2.0)
    if demand.usage > high and demand.seen.replicas:
        count = math.ceil(demand.seen.replicas * demand.usage / profile.target)
        if count > best.count:
            best = Need(
                count,
                "busy",
                f"busy for {demand.usage:.0%} of the last minute, {high:.0%} is the most; "
                f"{profile.target:.0%} is aimed at",
            )
    late = [flow for flow in demand.flows if _late(demand, flow, profile)]
    if not late:
        return best
    count = math.ceil(sum(_processes(flow, profile, late=flow in late) for flow in demand.flows))
    return Need(count, "latency", _sentence(demand, late, profile)) if count > best.count else best


def _late(demand: Demand, flow: Flow, profile: Profile) -> bool:
    """A forecast alone is noise: somebody must really wait, or most of the threads be taken."""
    if flow.latency < NOTICED_SECONDS and demand.usage < NOTICED_USAGE:
        return False
    return max(demand.wait(flow, demand.count), flow.latency) > profile.share * flow.objective


def _processes(flow: Flow, profile: Profile, *, late: bool) -> float:
    """Processes for what comes, and to work off what waits within the queue's share of its objective."""
    waiting = flow.size / (profile.share * flow.objective) if late else 0.0
    return (flow.soon + waiting) / (profile.busy * flow.rate)


def _sentence(demand: Demand, late: list[Flow], profile: Profile) -> str:
    worst = max(late, key=lambda flow: max(demand.wait(flow, demand.count), flow.latency) / flow.objective)
    wait = demand.wait(worst, demand.count)
    seen = max(wait, worst.latency)
    what = "predicted wait" if wait >= worst.latency else "oldest job"
    name = f" of {worst.queue}" if len(demand.flows) > 1 else ""
    allowed = profile.share * worst.objective
    asked = worst.soon + worst.size / allowed
    return (
        f"{what}{name} {_shown(seen)} > {show_seconds(allowed)}; "
        f"{asked:.0f} jobs/s needed, {worst.rate:.1f} jobs/s per process"
    )


def _shown(seconds: float) -> str:
    return show_seconds(seconds) if math.isfinite(seconds) else "without end"


def shrinkage(demand: Demand, policy: Policy, at: float) -> Need:
    """Fewer processes, when nothing waits, little is used, and it has been so for long enough."""
    memory, count = demand.memory, demand.count
    stay = Need(count, "enough", "it keeps up")
    blocked = at - memory.out_at < CALM_SECONDS or at - memory.changed_at < SETTLE_SECONDS
    if blocked or demand.seen.starting or span(memory.usage) < EVIDENCE_SECONDS:
        return stay
    used = mean(memory.usage, 300)
    waits = any(
        demand.wait(flow, count) > CLEAR * flow.objective or flow.latency > OLD * flow.objective
        for flow in demand.flows
    )
    if waits or used >= policy.profile.low or _repented(memory, used, policy, at):
        return stay
    fewest = math.ceil(max(count * used, _steady(demand)) / policy.profile.target)
    target = max(
        round(largest(memory.needs)),
        fewest,
        count // 2,
        policy.floor(demand.plan.service),
    )
    if target >= count:
        return stay
    reason = f"busy for {used:.0%} of the last 5 minutes, below {policy.profile.low:.0%}, and nothing waits"
    return Need(target, "idle", reason)


def _repented(memory: ServiceState, used: float, policy: Policy, at: float) -> bool:
    """Whether it grew again soon after it last shrank, and is used: then it keeps what it has for longer."""
    in_use = used >= IN_USE * policy.profile.low
    return in_use and memory.regretted and at - memory.changed_at < REGRET_SECONDS


def _steady(demand: Demand) -> float:
    """Processes that the last five minutes' arrivals keep busy."""
    return sum(flow.arriving / flow.rate for flow in demand.flows if flow.rate)


def brief_need(demand: Demand, profile: Profile) -> int:
    """What it needs right now, were it to start from nothing: remembered, so that shrinking is slow."""
    late = [flow for flow in demand.flows if _late(demand, flow, profile)]
    if not late:
        return 1
    return math.ceil(sum(_processes(flow, profile, late=flow in late) for flow in demand.flows))
