"""Who works the simulated instance: the policy of instancectl, nobody, or another autoscaler's rules.

The others follow their published rules: Kubernetes' HorizontalPodAutoscaler with its tolerance and
stabilisation, KEDA on queue sizes, Judoscale on latency. They get the same layout, limits and starts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.simulator.engine import Engine
from instancectl.core.scaling.simulator.readings import Reader
from instancectl.core.scaling.state import State
from instancectl.core.scaling.weights import weight
from instancectl.core.sizes import BASE

MOST: Final = 10  # processes of each service
SYNC_SECONDS: Final = 15
TOLERANCE: Final = 0.1
STABLE_SECONDS: Final = 300
PROCESSOR_TARGET: Final = 0.70
BY_HAND: Final = "fixed"


class Controller(ABC):
    """Works an engine; called once a second."""

    steep = False
    """Whether it sets processor weights."""

    def __init__(self, engine: Engine, policy: Policy, seed: int) -> None:
        """Work `engine`, whose objectives and limits are in `policy`."""
        self.engine, self.policy, self.seed = engine, policy, seed
        self.actions = 0
        self.log: list[tuple[int, Decision]] = []

    @abstractmethod
    def second(self) -> None:
        """Look, and act when it is time."""

    def services(self) -> list[str]:
        """The Sidekiq services whose number may change."""
        return [name for name in self.engine.crews if name != BASE]

    def set(self, service: str, target: int) -> None:
        """Scale, in fresh containers."""
        before = self.count(service)
        target = max(1, min(MOST, target))
        if target == before:
            return
        self.actions += 1
        if service == "web":
            self.engine.scale_web(target, in_place=False)
        else:
            self._admitted(service, before, target)

    def _admitted(self, service: str, before: int, target: int) -> None:
        """As many as the host has memory for: a scheduler goes by requests, first come, first served."""
        engine = self.engine
        taken = (
            sum(crew.count for crew in engine.crews.values()) * engine.costs.grown_gb + engine.site.memory_gb
        )
        free = engine.host.memory_gb - engine.host.reserved_gb - taken
        room = max(0, int(free / engine.costs.grown_gb))
        engine.scale(service, min(target, before + room) if target > before else target)

    def count(self, service: str) -> int:
        """Processes that work or soon will."""
        return self.engine.site.count if service == "web" else self.engine.crews[service].count


class Fixed(Controller):
    """Nobody: the processes of the layout."""

    def second(self) -> None:
        """Do nothing."""


class Ours(Controller):
    """The policy, every ten seconds, as the agent would run it."""

    steep = True
    every = 10

    def __init__(self, engine: Engine, policy: Policy, seed: int) -> None:
        """Begin with an empty memory."""
        super().__init__(engine, policy, seed)
        self.state = State()
        self._reader = Reader(engine, seed)

    def second(self) -> None:
        """Read, decide, act."""
        self._reader.second()
        if self.engine.now % self.every:
            return
        self.state, decisions = decide(self.policy, self.state, self._reader.sample())
        for one in decisions:
            self.log.append((self.engine.now, one))
            if one.act and one.changes:
                self.actions += 1
                self._act(one)

    def _act(self, one: Decision) -> None:
        engine = self.engine
        acts: Mapping[Kind, Callable[[], None]] = {
            Kind.REPLICAS: lambda: engine.scale(one.subject, one.target),
            Kind.PROCESSES: lambda: engine.scale_web(one.target, in_place=True),
            Kind.RECYCLE: lambda: engine.replace_one(one.subject),
            Kind.REGISTRATIONS: lambda: setattr(engine, "registrations", one.mode),
            Kind.SHED: lambda: setattr(engine, "shedding", bool(one.target)),
            Kind.VALVE: lambda: setattr(engine, "valve", bool(one.target)),
            Kind.RETRY: lambda: engine.retry_now(one.subject),
        }
        acts[one.kind]()


@dataclass(slots=True)
class _Usage:
    """Processor time of one service since the last look."""

    cores: float = 0.0
    seconds: int = 0

    def mean(self) -> float:
        found = self.cores / max(1, self.seconds)
        self.cores, self.seconds = 0.0, 0
        return found


class _Synced(Controller):
    """Rules of the HorizontalPodAutoscaler: every 15 s, ±10 % tolerated, down by the highest of 5 minutes."""

    def __init__(self, engine: Engine, policy: Policy, seed: int) -> None:
        """Begin with what runs."""
        super().__init__(engine, policy, seed)
        names = [*self.services(), "web"]
        self._usage = {name: _Usage() for name in names}
        self._wanted: dict[str, list[tuple[int, int]]] = {name: [] for name in names}

    def second(self) -> None:
        """Measure every second, act every fifteen."""
        for name, usage in self._usage.items():
            usage.cores += self.engine.site.cores if name == "web" else self.engine.crews[name].cores
            usage.seconds += 1
        if self.engine.now % SYNC_SECONDS:
            return
        for name, usage in self._usage.items():
            self._sync(name, self.ratio(name, usage.mean()))

    def ratio(self, name: str, cores: float) -> float:
        """Measured over target; by processor here."""
        ready = self.engine.site.processes if name == "web" else self.engine.crews[name].ready
        present = self.count(name)
        if not ready:
            return 1.0
        usual = cores / ready / PROCESSOR_TARGET
        if usual > 1 and present > ready:  # those that start count as idle on the way up
            usual = max(1.0, cores / present / PROCESSOR_TARGET)
        return usual

    def _sync(self, name: str, ratio: float) -> None:
        now, present = self.engine.now, self.count(name)
        wanted = present if abs(ratio - 1) <= TOLERANCE else math.ceil(present * ratio)
        history = [(at, count) for at, count in self._wanted[name] if now - at < STABLE_SECONDS]
        self._wanted[name] = [*history, (now, wanted)]
        if wanted > present:
            wanted = min(wanted, max(2 * present, present + 4))
        elif wanted < present:
            wanted = min(present, max(count for _, count in self._wanted[name]))
        floor = self.policy.floor("web") if name == "web" else 1
        self.set(name, max(floor, wanted))


class Hpa(_Synced):
    """Kubernetes' HorizontalPodAutoscaler at 70 % of a core for each process."""


class Keda(_Synced):
    """KEDA on queue sizes: as many jobs for each process as it does within half the objective; web by HPA."""

    def ratio(self, name: str, cores: float) -> float:
        """Jobs for each process over its target."""
        if name == "web":
            return super().ratio(name, cores)
        crew = self.engine.crews[name]
        wanted = sum(
            self.engine.lines[queue].size / self.target(queue, crew.plan.threads)
            for queue in self._queues(name)
        )
        return wanted / max(1, crew.count)

    def target(self, queue: str, threads: int) -> float:
        """Jobs one process works off within half the objective."""
        work = self.engine.costs.jobs[queue]
        rate = min(threads / work.seconds, 1 / work.processor_seconds)
        return rate * self.policy.objectives[queue] / 2

    def _queues(self, name: str) -> list[str]:
        return [queue for queue in self.engine.crews[name].plan.queues if queue in self.engine.lines]


class KedaLength(Keda):
    """KEDA's Redis scaler with its default: five jobs for each process."""

    def target(self, queue: str, threads: int) -> float:
        """Five."""
        del queue, threads
        return 5.0


@dataclass(slots=True)
class _Lagging:
    """When a service was last changed, and since when it has been calm."""

    up_at: int = -10_000
    down_at: int = 0
    calm_since: int = 0


class Judoscale(Controller):
    """Judoscale: one more above half the objective, once a minute at most; one fewer after ten calm ones."""

    jump = 1
    up_seconds = 60
    down_seconds = 600
    every = 10

    def __init__(self, engine: Engine, policy: Policy, seed: int) -> None:
        """Begin with what runs."""
        super().__init__(engine, policy, seed)
        self._memory = {name: _Lagging() for name in [*self.services(), "web"]}

    def second(self) -> None:
        """Look every ten seconds."""
        if self.engine.now % self.every:
            return
        for name, memory in self._memory.items():
            self._judge(name, memory, self._share(name))

    def _share(self, name: str) -> float:
        """The worst latency as a share of its objective."""
        if name == "web":
            return self.engine.site.queue_seconds / self.policy.web_seconds
        lines, now = self.engine.lines, self.engine.now
        queues = [queue for queue in self.engine.crews[name].plan.queues if queue in lines]
        return max(lines[queue].latency(now) / self.policy.objectives[queue] for queue in queues)

    def _judge(self, name: str, memory: _Lagging, share: float) -> None:
        now = self.engine.now
        if share > 1 / 12:
            memory.calm_since = now
        if share > 0.5 and now - memory.up_at >= self.up_seconds:
            memory.up_at = now
            self.set(name, self.count(name) + self.jump)
        elif now - max(memory.calm_since, memory.down_at, memory.up_at) >= self.down_seconds:
            memory.down_at = now
            floor = self.policy.floor("web") if name == "web" else 1
            self.set(name, max(floor, self.count(name) - 1))


class JudoscaleTwo(Judoscale):
    """Judoscale that adds two at a time."""

    jump = 2


CONTROLLERS: Final[Mapping[str, type[Controller]]] = {
    "instancectl": Ours,
    BY_HAND: Fixed,
    "hpa": Hpa,
    "keda": Keda,
    "keda-length": KedaLength,
    "judoscale": Judoscale,
    "judoscale-2": JudoscaleTwo,
}

MEANINGS: Final[Mapping[str, str]] = {
    "instancectl": "this policy",
    BY_HAND: "no autoscaler",
    "hpa": "Kubernetes' HorizontalPodAutoscaler at 70 % of the processor",
    "keda": "KEDA on queue sizes, targets sized to each objective",
    "keda-length": "KEDA with its default of five jobs for each process",
    "judoscale": "Judoscale on latency, one process at a time",
    "judoscale-2": "Judoscale on latency, two processes at a time",
}


def steep(service: str, containers: int) -> float:
    """Our weights: `web` and `db` are one container, Sidekiq has one for each process."""
    return weight(service) * (1 if service in {"web", "db"} else containers)


def even(service: str, containers: int) -> float:
    """The engine's default: every container counts the same, and each Puma process is one."""
    return 1024.0 * (4 if service == "db" else containers)
