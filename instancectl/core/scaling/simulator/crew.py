"""The processes of one Sidekiq service in the simulation: starting, working, draining, growing fat."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from instancectl.core.scaling.simulator.costs import Costs
from instancectl.core.sizes import SidekiqPlan

GROWN_JOBS = 10_000.0  # jobs after which most of the memory growth has happened


@dataclass(slots=True)
class Process:
    """One process: since when it exists, when it works, and the jobs it has done."""

    made_at: float
    ready_at: float
    jobs: float = 0.0


@dataclass(slots=True)
class Crew:
    """All processes of a service."""

    plan: SidekiqPlan
    costs: Costs
    processes: list[Process] = field(default_factory=list)
    draining: list[float] = field(default_factory=list)
    ready: int = 0
    busy: float = 0.0
    cores: float = 0.0
    done: float = 0.0
    credit: float = 0.0

    @property
    def count(self) -> int:
        """Processes that work or soon will."""
        return len(self.processes)

    @property
    def held(self) -> int:
        """Connections: one for each thread that works or drains; a process that starts has none yet."""
        return (self.ready + len(self.draining)) * self.plan.threads

    def begin(self, now: float) -> None:
        """Look who is ready, and who has drained."""
        self.ready = sum(process.ready_at <= now for process in self.processes)
        if self.draining:
            self.draining = [until for until in self.draining if until > now]

    def starting(self, now: float) -> int:
        """Processes that burn processor time for their start."""
        return sum(process.ready_at > now for process in self.processes)

    def add(self, now: float, delay: float) -> None:
        """One more process, which works after `delay` seconds."""
        self.processes.append(Process(now, now + delay))

    def remove(self, now: float, longest: float) -> None:
        """One process fewer: the youngest; it finishes its jobs first."""
        process = max(self.processes, key=lambda one: one.ready_at)
        self.processes.remove(process)
        if process.ready_at <= now:
            self.draining.append(now + longest)

    def memory_gb(self, process: Process) -> float:
        """What a process has grown to."""
        grown = 1 - math.exp(-process.jobs / GROWN_JOBS)
        return self.costs.fresh_gb + (self.costs.grown_gb - self.costs.fresh_gb) * grown

    @property
    def total_gb(self) -> float:
        """Memory of all processes."""
        return sum(map(self.memory_gb, self.processes)) + len(self.draining) * self.costs.fresh_gb
