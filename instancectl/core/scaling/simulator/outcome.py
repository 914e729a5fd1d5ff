"""What a rehearsal came to: who was late for how long, what it cost, and what broke first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from instancectl.core.scaling.simulator.engine import Engine
from instancectl.core.units import show_seconds

EVERY_SECONDS: Final = 10
JUDGED: Final = ("default", "mailers", "push", "ingress")
CROWDED: Final = 0.97
NOTICED_SECONDS: Final = 60  # of an outage, before anybody can know of it


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened for the first time, and when (seconds since the start)."""

    at: int
    what: str


@dataclass(frozen=True, slots=True)
class Point:
    """What a plot shows of one moment."""

    at: int
    latency: Mapping[str, float]
    site: float
    processes: Mapping[str, int]
    used: float
    connections: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rehearsal.

    Attributes:
        policy, trace, costs, seed: what was rehearsed.
        broken: share of the time in which any objective was missed, `pull` apart.
        queues: for each queue 95th percentile and most of its latency, seconds.
        site: mean queue seconds' 95th percentile, and the share of requests that failed.
        process_minutes: Sidekiq and Puma processes, over time.
        actions: changes that were made.
        connections, refused: most connections, and how many PostgreSQL refused.
        killed, lost: processes killed for memory, and the jobs they held.
        mail_processes: most processes for mail while it was down, from its second minute on.
        mail: 50th, 95th percentile and most seconds that mail of the outage waited after its end.
        first: what broke, in order of time.
        points: for plots.
        decisions: what the policy said, with its time.
        left: what was not as before at the end.
    """

    policy: str
    trace: str
    costs: str
    seed: int
    broken: float
    queues: Mapping[str, tuple[float, float]]
    site: tuple[float, float]
    process_minutes: float
    actions: int
    connections: int
    refused: int
    killed: int
    lost: float
    signups: int
    mail: tuple[float, float, float] | None
    mail_processes: int
    first: tuple[Event, ...]
    points: tuple[Point, ...] = ()
    decisions: tuple[tuple[int, str], ...] = ()
    left: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, without the points."""
        return {
            "policy": self.policy,
            "trace": self.trace,
            "costs": self.costs,
            "seed": self.seed,
            "out_of_objective": round(self.broken, 5),
            "latency_seconds": {
                queue: {"p95": round(p95, 1), "max": round(most, 1)}
                for queue, (p95, most) in self.queues.items()
            },
            "web": {"queue_seconds_p95": round(self.site[0], 4), "failed": round(self.site[1], 5)},
            "process_minutes": round(self.process_minutes, 1),
            "actions": self.actions,
            "connections_peak": self.connections,
            "connections_refused": self.refused,
            "processes_killed": self.killed,
            "jobs_lost": round(self.lost, 1),
            "signups": self.signups,
            "mail_after_outage_seconds": list(self.mail) if self.mail else None,
            "first": [{"at_seconds": event.at, "what": event.what} for event in self.first],
            "decisions": [{"at_seconds": at, "sentence": said} for at, said in self.decisions],
            "not_restored": list(self.left),
        }


@dataclass(slots=True)
class Recorder:
    """Watches an engine."""

    objectives: Mapping[str, float]
    web_seconds: float
    points: list[Point] = field(default_factory=list)
    missed: int = 0
    waited: float = 0.0
    late: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    mail_processes: int = 0

    def second(self, engine: Engine) -> None:
        """Take in a second; judge every tenth."""
        self.connections = max(self.connections, engine.connections)
        down = "smtp-down" in engine.row.faults and engine.now - engine.row.at > NOTICED_SECONDS
        if down and "sidekiq-mailers" in engine.crews:
            self.mail_processes = max(self.mail_processes, engine.crews["sidekiq-mailers"].count)
        self.waited += engine.site.queue_seconds
        if engine.now % EVERY_SECONDS:
            return
        site, self.waited = self.waited / EVERY_SECONDS, 0.0
        latency = {queue: line.latency(engine.now) for queue, line in engine.lines.items()}
        late = [f"`{queue}` is later than {show_seconds(self.objectives[queue])}"
                for queue in JUDGED if latency[queue] > self.objectives[queue]]  # fmt: skip
        if site > self.web_seconds:
            late.append(f"`web` lets requests wait for more than {self.web_seconds * 1000:.0f} ms")
        self.missed += bool(late)
        self._note(engine, late)
        processes = {name: crew.count for name, crew in engine.crews.items()}
        point = Point(
            engine.now,
            latency,
            site,
            {"web": engine.site.count, **processes},
            engine.used,
            engine.connections,
        )
        self.points.append(point)

    def _note(self, engine: Engine, late: list[str]) -> None:
        also = {
            "the processor is full": engine.used > CROWDED,
            "PostgreSQL refuses connections": engine.counts.refused >= 1,
            "a process is killed for memory": engine.counts.killed > 0,
            "requests fail": engine.site.failed > 0,
        }
        for what in [*late, *(name for name, holds in also.items() if holds)]:
            self.late.setdefault(what, engine.now)

    def events(self) -> tuple[Event, ...]:
        """What broke, in order of time."""
        return tuple(Event(at, what) for what, at in sorted(self.late.items(), key=lambda pair: pair[1]))


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all do not exceed; 0 when there is none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def mail_delays(engine: Engine) -> tuple[float, float, float] | None:
    """How long mail that was written during an outage waited after its end: median, 95th percentile, most."""
    down = [row.at for row in engine.trace.rows if "smtp-down" in row.faults]
    if not down:
        return None
    start = down[0]
    end = next(row.at for row in engine.trace.rows if row.at > down[-1])
    waits = [
        (max(0.0, done - end), count) for born, done, count in engine.counts.delays if start <= born < end
    ]
    values = [wait for wait, count in waits for _ in range(count)]
    return percentile(values, 0.5), percentile(values, 0.95), max(values, default=0.0)
