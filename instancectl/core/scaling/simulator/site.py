"""Puma as a flow: requests a second, a queue in seconds, processes that come and go."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from instancectl.core.scaling.simulator.costs import Costs

PATIENCE_SECONDS = 30.0  # a client that waits longer has gone
LOAD_LEARN = 0.1  # the crowd below saturation forms over ten seconds
MOST_LOAD = 0.95  # beyond, the requests that are really left over count


@dataclass(slots=True)
class Site:
    """`web`: processes that answer, and when those that start will."""

    costs: Costs
    threads: int
    processes: int
    starting: list[float] = field(default_factory=list)
    waiting: float = 0.0
    queue_seconds: float = 0.0
    busy: float = 0.0
    served: float = 0.0
    failed: float = 0.0
    shed: float = 0.0
    cores: float = 0.0
    load: float = 0.0

    @property
    def count(self) -> int:
        """Processes that answer or soon will."""
        return self.processes + len(self.starting)

    def start(self, now: float) -> int:
        """Take in those that have started; returns how many."""
        ready = [at for at in self.starting if at <= now]
        self.starting = [at for at in self.starting if at > now]
        self.processes += len(ready)
        return len(ready)

    def set(self, target: int, now: float, delay: float) -> None:
        """Towards `target` processes; new ones answer after `delay` seconds."""
        if target >= self.count:
            self.starting += [now + delay] * (target - self.count)
            return
        fewer = self.count - target
        while fewer and self.starting:
            self.starting.pop()
            fewer -= 1
        self.processes -= fewer

    def wanted(self, coming: float, slow: float) -> tuple[float, float]:
        """Requests it could serve this second if it got all the processor it wants, and those cores."""
        work = self.costs.request
        each = work.seconds + work.database_seconds * (slow - 1)
        able = self.processes * min(self.threads / each, 1 / work.processor_seconds)
        served = min(self.waiting + coming, able)
        return served, served * work.processor_seconds

    def serve(self, coming: float, able: float, share: float, slow: float) -> None:
        """One second, with `share` of the processor it wanted."""
        work = self.costs.request
        speed = max(1e-6, share)
        rate = self.processes / work.processor_seconds * speed
        served = min(self.waiting + coming, able * speed)
        self.waiting += coming - served
        gone = max(0.0, self.waiting - rate * PATIENCE_SECONDS)
        self.waiting -= gone
        self.failed += gone
        self.served += served
        load = min(0.999, served / rate) if rate else 1.0
        self.load += LOAD_LEARN * (load - self.load)
        self.queue_seconds = self.waiting / rate if rate else PATIENCE_SECONDS
        self.queue_seconds += _waits(
            min(MOST_LOAD, self.load), self.processes, work.processor_seconds / speed
        )
        held = work.seconds - work.processor_seconds + work.database_seconds * (slow - 1)
        held += work.processor_seconds / speed / max(0.05, 1 - load)
        self.busy = min(self.processes * self.threads, served * held)
        self.cores = served * work.processor_seconds

    @property
    def memory_gb(self) -> float:
        """Memory of the master and all processes."""
        return self.costs.web_gb + self.costs.web_process_gb * self.count


def _waits(load: float, servers: int, seconds: float) -> float:
    """Mean wait in a crowd of `servers` below saturation (Sakasegawa's formula)."""
    if servers <= 0:
        return 0.0
    power = math.sqrt(2 * (servers + 1)) - 1
    return float(seconds * load**power / (servers * (1 - load)))
