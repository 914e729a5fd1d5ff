"""Reads the simulated instance the way the agent reads a real one: moments and whole threads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from instancectl.core.scaling.sample import (
    DatabaseSample,
    HostSample,
    MailSample,
    QueueSample,
    Sample,
    ServiceSample,
    WebSample,
)
from instancectl.core.scaling.simulator.chance import Chance
from instancectl.core.scaling.simulator.engine import Engine

GB: Final = 1_000_000_000
COUNTED_SECONDS: Final = 20
REMOTE: Final = "remote.example"
START: Final = 1_700_000_000.0
DAY: Final = 86_400


@dataclass(slots=True)
class Meter:
    """What adds up between two samples: processor time, use of the host, mails, sign-ups."""

    cores: dict[str, float] = field(default_factory=dict)
    site_cores: float = 0.0
    site_busy: float = 0.0
    site_queue: float = 0.0
    used: float = 0.0
    seconds: int = 0
    mails: int = 0
    failures: int = 0
    signups: int = 0

    def second(self, engine: Engine) -> None:
        """Take in one second."""
        for name, crew in engine.crews.items():
            self.cores[name] = self.cores.get(name, 0.0) + crew.cores
        self.site_cores += engine.site.cores
        self.site_busy += engine.site.busy
        self.site_queue += engine.site.queue_seconds
        self.used += engine.used
        self.seconds += 1


class Reader:
    """Makes a sample of everything since the last one."""

    def __init__(self, engine: Engine, seed: int) -> None:
        """Read `engine`; threads at one moment are drawn with `seed`."""
        self._engine = engine
        self._chance = Chance(seed, "reading")
        self._meter = Meter()
        self._before = Meter()

    def second(self) -> None:
        """Let the meters run for a second."""
        self._meter.second(self._engine)

    def sample(self) -> Sample:
        """Everything, now."""
        engine, meter = self._engine, self._meter
        seconds = max(1, meter.seconds)
        busy = {queue: self._threads(engine.busy[queue], engine.lines[queue].size) for queue in engine.busy}
        counts, before = engine.counts, self._before
        found = Sample(
            at=START + engine.now,
            queues={queue: self._queue(queue, busy[queue]) for queue in engine.lines},
            services={name: self._service(name, seconds) for name in engine.crews},
            web=WebSample(
                engine.site.processes,
                len(engine.site.starting),
                meter.site_busy / seconds,
                meter.site_queue / seconds,
                meter.site_cores / seconds,
            ),
            hosts=(self._host(meter.used / seconds),),
            database=DatabaseSample(engine.layout.db.max_connections, engine.connections),
            mail=MailSample(
                counts.mails - before.mails,
                counts.mail_failures - before.failures,
                counts.mails,
                DAY - engine.now % DAY,
            ),
            processed=counts.processed,
            signups=counts.signups - before.signups,
            registrations=engine.registrations,
        )
        self._meter = Meter()
        self._before = Meter(mails=counts.mails, failures=counts.mail_failures, signups=counts.signups)
        return found

    def _threads(self, mean: float, waiting: int) -> int:
        """Threads at work at one moment: all of them while jobs wait, else as chance has it."""
        return round(mean) if waiting else self._chance.count(mean)

    def _queue(self, queue: str, busy: int) -> QueueSample:
        engine = self._engine
        line = engine.lines[queue]
        latency = line.latency(engine.now)
        arrivals = line.since(engine.now - COUNTED_SECONDS) if latency >= COUNTED_SECONDS else None
        held = round(busy * engine.remote_busy) if queue == "push" and engine.remote_busy else 0
        return QueueSample(line.size, latency, busy, arrivals, {REMOTE: held} if held else {})

    def _service(self, name: str, seconds: int) -> ServiceSample:
        engine = self._engine
        crew = engine.crews[name]
        sizes = [crew.memory_gb(process) for process in crew.processes]
        made = [process.made_at for process in crew.processes]
        return ServiceSample(
            replicas=crew.ready,
            starting=crew.count - crew.ready,
            draining=len(crew.draining),
            busy=min(crew.ready * crew.plan.threads, round(crew.busy)),
            cores=self._meter.cores.get(name, 0.0) / seconds,
            largest_bytes=int(max(sizes, default=0.0) * GB),
            oldest_seconds=engine.now - min(made, default=engine.now),
        )

    def _host(self, used: float) -> HostSample:
        engine, host = self._engine, self._engine.host
        taken = host.reserved_gb + engine.site.memory_gb
        taken += sum(crew.total_gb for crew in engine.crews.values())
        return HostSample(
            "host", host.cores, used, int(host.memory_gb * GB), int((host.memory_gb - taken) * GB)
        )
