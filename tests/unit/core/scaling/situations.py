"""Policies, samples and a noise-free instance to put under the policy.

policy = reference_policy()
state, decisions = decide(policy, State(), sample(queues={"push": QueueSample(900, 40.0, 25, 500)}))
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.sample import (
    DatabaseSample,
    HostSample,
    MailSample,
    QueueSample,
    Sample,
    ServiceSample,
    WebSample,
)
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import State
from instancectl.core.sizes import (
    EdgePlan,
    Layout,
    Machine,
    PostgresPlan,
    RedisPlan,
    SidekiqPlan,
    StreamingPlan,
    WebPlan,
)
from instancectl.core.units import MB

START = 1_000_000.0
THREADS = {"default": 5, "ingress": 5, "mailers": 10, "push": 25, "pull": 25}
GB = 1000 * MB


def reference_layout(max_connections: int = 200, threads: dict[str, int] | None = None) -> Layout:
    """One service for each queue, two Puma processes, no base process."""
    plans = tuple(
        SidekiqPlan(f"sidekiq-{queue}", (queue,), (1,), 1, width, 0)
        for queue, width in (threads or THREADS).items()
    )
    return Layout(
        "reference",
        WebPlan(1, 2, 5, 0),
        StreamingPlan(1, 10, 125 * MB),
        plans,
        PostgresPlan(max_connections, 2500 * MB, (), 0),
        RedisPlan(600 * MB, 300 * MB),
        None,
        EdgePlan(100 * MB, 100 * MB, 1, 0),
    )


def reference_policy(**changes: Any) -> Policy:
    policy = Policy(reference_layout(), Machine(12 * GB, 6), mode="auto", ladder=4)
    return replace(policy, **changes)


def services(**changes: ServiceSample) -> dict[str, ServiceSample]:
    found = {f"sidekiq-{queue}": ServiceSample(1) for queue in THREADS}
    return found | {f"sidekiq-{name}": one for name, one in changes.items()}


def sample(at: float = START, **changes: Any) -> Sample:
    """Everything quiet, with the changes put in; `queues` and `services` are merged by name."""
    queues = {queue: QueueSample(0, 0.0, 0) for queue in THREADS} | changes.pop("queues", {})
    quiet = Sample(
        at=at,
        queues=queues,
        services=services(**changes.pop("services", {})),
        web=WebSample(2, 0, 1.0, 0.001, 0.2),
        hosts=(HostSample("host", 6, 0.2, 12 * GB, 6 * GB),),
        database=DatabaseSample(1000, 60),
        mail=MailSample(1, 0, 100, 40_000.0),
        processed=0,
        signups=0,
        registrations="open",
    )
    return replace(quiet, **changes)


def changes(decisions: tuple[Decision, ...], subject: str) -> list[Decision]:
    """What asks for another number of a service."""
    kinds = {Kind.REPLICAS, Kind.PROCESSES}
    return [one for one in decisions if one.subject == subject and one.kind in kinds]


def settled(policy: Policy, *, ticks: int = 40, **quiet: Any) -> State:
    """The state after a quiet time."""
    state = State()
    for tick in range(ticks):
        state, _ = decide(policy, state, sample(START - 10 * (ticks - tick), **quiet))
    return state


@dataclass
class Plant:
    """An instance without chance: jobs come evenly, threads and processor do as the table says.

    Attributes:
        policy: with the layout it starts from.
        arriving: jobs per second by queue.
        seconds, processor: of one job, by queue.
    """

    policy: Policy
    arriving: dict[str, float]
    seconds: dict[str, float]
    processor: dict[str, float]
    boot: int = 10
    now: float = START
    running: dict[str, int] = field(default_factory=dict)
    starting: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    log: list[tuple[float, Decision]] = field(default_factory=list)
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        for queue in THREADS:
            self.running[queue], self.starting[queue], self.sizes[queue] = 1, [], 0.0

    def run(self, seconds: int) -> None:
        for _ in range(seconds // 10):
            self.now += 10
            self.tick()

    def tick(self) -> None:
        queues, crews, used = {}, {}, 0.0
        for queue, width in THREADS.items():
            done = [at for at in self.starting[queue] if at <= self.now]
            self.running[queue] += len(done)
            self.starting[queue] = [at for at in self.starting[queue] if at > self.now]
            able = self.running[queue] * min(width / self.seconds[queue], 0.9 / self.processor[queue])
            rate = min(able, self.arriving[queue] + self.sizes[queue] / 10)
            self.sizes[queue] = max(0.0, self.sizes[queue] + 10 * (self.arriving[queue] - rate))
            waiting = int(self.sizes[queue])
            latency = waiting / max(rate, 0.01) if waiting else 0.0
            threads = self.running[queue] * width
            busy = threads if waiting else min(threads, round(rate * self.seconds[queue]))
            listed = int(20 * self.arriving[queue]) if latency >= 20 else None
            queues[queue] = QueueSample(waiting, latency, busy, listed)
            cores = rate * self.processor[queue]
            used += cores
            crews[queue] = ServiceSample(self.running[queue], len(self.starting[queue]), 0, busy, cores)
        hosts = (HostSample("host", 6, min(1.0, used / 6), 12 * GB, 6 * GB),)
        seen = sample(self.now, queues=queues, services=crews, hosts=hosts)
        self.state, decisions = decide(self.policy, self.state, seen)
        for one in decisions:
            if one.kind is Kind.REPLICAS and one.act:
                self.log.append((self.now, one))
                self._scale(one.subject.removeprefix("sidekiq-"), one.target)

    def _scale(self, queue: str, target: int) -> None:
        have = self.running[queue] + len(self.starting[queue])
        self.starting[queue] += [self.now + self.boot] * max(0, target - have)
        fewer = max(0, have - target)
        while fewer and self.starting[queue]:
            self.starting[queue].pop()
            fewer -= 1
        self.running[queue] -= fewer
