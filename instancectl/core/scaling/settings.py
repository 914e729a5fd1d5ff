"""What the admin wants of scaling, as one value the policy reads: objectives, limits, temperament."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from instancectl.core.config import InstanceConfig
from instancectl.core.layout import derive, planned_machine, usable
from instancectl.core.scaling.work import OBJECTIVES, SCALED, WEB_OBJECTIVE_MS
from instancectl.core.sizes import BASE, SERVING, Layout, Machine, Room, SidekiqPlan

TICK_SECONDS: Final = 10
"""How often the policy is asked; windows and steps are made for it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A temperament.

    Attributes:
        share: of its objective that a queue may use up before processes are added.
        busy: utilisation that is planned with while a queue is worked off.
        high: utilisation from which processes are added before a queue forms, by queue; absent: never.
        target, low: utilisation that is aimed at, and below which processes are taken away.
        web_high, web_target, web_low: the same for Puma.
    """

    share: float
    busy: float
    high: Mapping[str, float]
    target: float
    low: float
    web_high: float
    web_target: float
    web_low: float


PROFILES: Final[Mapping[str, Profile]] = {
    "balanced": Profile(
        0.25, 0.80, {"default": 0.85, "mailers": 0.85, "ingress": 0.90}, 0.70, 0.60, 0.75, 0.68, 0.55
    ),
    "economy": Profile(0.35, 0.80, {"default": 0.90}, 0.75, 0.65, 0.82, 0.74, 0.60),
    "snappy": Profile(
        0.20,
        0.70,
        {"default": 0.65, "mailers": 0.65, "ingress": 0.65, "push": 0.75},
        0.50,
        0.40,
        0.65,
        0.50,
        0.38,
    ),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that does not change from one sample to the next.

    Attributes:
        layout: sizes of one process of each service, and the least number of them.
        machine: what all hosts together offer.
        objectives: seconds the oldest job of a queue may have waited.
        web_seconds: how long a request may wait for a thread.
        mode: `auto` acts, `advise` only says, `off` does neither.
        mails_per_day: the provider's quota; 0 when there is none.
        ladder: highest rung of the degrade ladder that is climbed without asking, 0 to 4.
        holds: services whose number a person holds.
        host_price: what one more host costs a month, in whatever currency the admin thinks; 0: unknown.
        tunes: whether threads are changed without asking, too; only where `mode` is `auto`.
    """

    layout: Layout
    machine: Machine
    objectives: Mapping[str, float] = field(default_factory=lambda: dict(OBJECTIVES))
    web_seconds: float = WEB_OBJECTIVE_MS / 1000
    profile: Profile = PROFILES["balanced"]
    mode: str = "auto"
    mails_per_day: int = 0
    ladder: int = 2
    holds: Mapping[str, int] = field(default_factory=dict)
    host_price: int = 0
    tunes: bool = False

    def floor(self, service: str) -> int:
        """The least processes of a service, or of Puma (`web`)."""
        return min(2, self.web_processes) if service == "web" else 1

    def ceiling(self, service: str) -> int:
        """The most: a Ruby process uses one core at most, so more than there are cores only cost memory."""
        return max(self.floor(service), self.machine.cores, self.configured(service))

    def configured(self, service: str) -> int:
        """As many as the layout says."""
        if service == "web":
            return self.web_processes
        return self.plan(service).replicas

    @property
    def web_processes(self) -> int:
        """Puma processes of the layout, all replicas together."""
        return self.layout.web.replicas * self.layout.web.processes

    @property
    def scalable(self) -> tuple[SidekiqPlan, ...]:
        """The Sidekiq services whose number may change: all but the base process."""
        return tuple(plan for plan in self.layout.sidekiq if plan.service != BASE)

    def plan(self, service: str) -> SidekiqPlan:
        """The size of one process of a service."""
        return next(plan for plan in self.layout.sidekiq if plan.service == service)

    def queues(self, plan: SidekiqPlan) -> tuple[str, ...]:
        """The queues of a service that are judged."""
        return tuple(queue for queue in plan.queues if queue in SCALED)


def policy_for(
    config: InstanceConfig,
    machine: Machine,
    others: Sequence[Room] = (),
    *,
    layout: Layout | None = None,
    holds: Mapping[str, int] | None = None,
) -> Policy:
    """The policy of an instance.

    Args:
        config: `[scaling]` and everything the layout follows from.
        machine: the host with the data, as measured.
        others: further hosts; they count for what may run there.
        layout: as deployed; derived when not given.
        holds: services whose number a person holds.

    Raises:
        Refused: the explicit sizes in the configuration exceed memory or connections.
    """
    wanted = config.scaling
    goals = wanted.objectives
    objectives = {queue: float(getattr(goals, queue, goals.pull)) for queue in SCALED}
    return Policy(
        layout=layout or derive(config, machine, others),
        machine=_together(planned_machine(config, machine), usable(config, others)),
        objectives=objectives,
        web_seconds=goals.web_ms / 1000,
        profile=PROFILES[wanted.profile],
        mode=wanted.mode,
        mails_per_day=wanted.mails_per_day,
        ladder=wanted.ladder,
        holds=dict(holds or {}),
        host_price=wanted.host_price,
        tunes=wanted.tune == "auto",
    )


def _together(machine: Machine, others: Sequence[Room]) -> Machine:
    """All hosts that may serve, as one."""
    serving = [room for room in others if room.roles & SERVING]
    return Machine(
        machine.memory_bytes + sum(room.memory_bytes for room in serving),
        machine.cores + sum(room.cores for room in serving),
    )
