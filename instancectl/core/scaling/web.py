"""How many Puma processes: added in place within a second, so they may follow closely."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from instancectl.core.scaling.need import Need
from instancectl.core.scaling.sample import WebSample
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import REGRET_SECONDS, ServiceState
from instancectl.core.scaling.window import mean, span
from instancectl.core.scaling.work import WEB_PRIORITY
from instancectl.core.sizes import WebPlan

WINDOW_SECONDS: Final = 40.0
CALM_SECONDS: Final = 300.0
EVIDENCE_SECONDS: Final = 240.0
HALF: Final = 0.5  # share of its objective that a request may wait before processes are added
FLOODED: Final = 3.0  # the same, above which as many again are added at once
IDLE: Final = 0.1  # the same, below which processes may go
SPARE: Final = 0.66  # utilisation below which Puma can give a process to a queue in need


@dataclass(frozen=True, slots=True)
class WebDemand:
    """Puma, and what is asked of it."""

    plan: WebPlan
    seen: WebSample
    memory: ServiceState
    objective: float

    @property
    def count(self) -> int:
        """Processes that answer or soon will."""
        return self.seen.processes + self.seen.starting

    @property
    def usage(self) -> float:
        """Utilisation of the last 40 seconds, 0 to 1."""
        return mean(self.memory.usage, WINDOW_SECONDS)

    @property
    def late(self) -> float:
        """How long requests wait, as a share of the objective."""
        return self.seen.queue_seconds / self.objective

    def value(self, count: int) -> float:
        """How much one more process is worth."""
        share = self.count / max(1, count)
        return WEB_PRIORITY * max(self.late * share, 0.5 * self.usage * share)


def usage(seen: WebSample, plan: WebPlan) -> float:
    """Utilisation now: of the threads, or of the one core a process can use, whichever is scarcer."""
    if not seen.processes:
        return 1.0
    threads = seen.busy / (seen.processes * plan.threads)
    return min(1.0, max(threads, (seen.cores or 0.0) / seen.processes))


def growth(demand: WebDemand, policy: Policy) -> Need:
    """At least what there is; more when requests wait or little head-room is left; at most twice as many."""
    profile, count = policy.profile, demand.count
    if demand.seen.starting or (demand.usage <= profile.web_high and demand.late <= HALF):
        return Need(count, "enough", "it keeps up")
    wanted = max(count + 1, math.ceil(demand.seen.processes * demand.usage / profile.web_target))
    target = 2 * count if demand.late > FLOODED else min(wanted, 2 * count)
    if demand.late > HALF:
        waits = f"requests wait {demand.seen.queue_seconds * 1000:.0f} ms, "
        return Need(target, "latency", f"{waits}{demand.objective * 500:.0f} ms is the most")
    return Need(
        target, "busy", f"busy for {demand.usage:.0%} of the last 40 s, {profile.web_high:.0%} is the most"
    )


def shrinkage(demand: WebDemand, policy: Policy, at: float) -> Need:
    """Down to half, when little is used and nothing waits, five minutes after any change."""
    count, profile = demand.count, policy.profile
    stay = Need(count, "enough", "it keeps up")
    recent = at - demand.memory.changed_at < CALM_SECONDS or span(demand.memory.usage) < EVIDENCE_SECONDS
    if recent or demand.seen.starting or demand.late > IDLE:
        return stay
    used = mean(demand.memory.usage, 300)
    if used >= profile.web_low:
        return stay
    fewest = math.ceil(count * used / profile.web_target)
    if fewest >= count - 1 and demand.memory.regretted and at - demand.memory.changed_at < REGRET_SECONDS:
        return stay
    target = max(fewest, count // 2, policy.floor("web"))
    if target >= count:
        return stay
    return Need(target, "idle", f"busy for {used:.0%} of the last 5 minutes, below {profile.web_low:.0%}")
