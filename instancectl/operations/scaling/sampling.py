"""Reads one instance for the policy: glances every second, a whole sample every ten.

Nothing here costs more when more jobs wait: no list is read, arrivals are searched by halves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from instancectl.core.checks.seen import Answer, Request
from instancectl.core.monitoring import postgres
from instancectl.core.monitoring.sidekiq import (
    OPENING,
    Reply,
    Sidekiq,
    follow_up,
    last_look,
    minute_name,
    moment,
    read,
    running,
)
from instancectl.core.monitoring.sight import Replica, Sight
from instancectl.core.monitoring.stores import info_of, unwritable
from instancectl.core.scaling import hosts, observing
from instancectl.core.scaling.observing import DAY_SECONDS, Mails
from instancectl.core.scaling.sample import HostSample, MailSample, Sample, WebSample
from instancectl.core.sizes import Layout
from instancectl.core.topology.parts import EDGE
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import InstanceError
from instancectl.operations.scaling.processors import Processors
from instancectl.ports.clock import Clock
from instancectl.ports.database_line import DatabaseLine
from instancectl.ports.host_facts import HostFacts
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.redis_line import RedisLine
from instancectl.ports.stack_sight import StackSight
from instancectl.ports.workers import Workers

T = TypeVar("T")

ANSWER_SECONDS = 0.02
"""What `/health` takes when no request waits for a thread: 5 to 20 ms."""

ASK_EVERY_SECONDS = 5.0
"""Mastodon throttles an address to one request a second; only while somebody waits it is asked at all."""

DEADLINE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Eyes:
    """Everything to look with."""

    stack: StackSight
    redis: RedisLine
    database: DatabaseLine
    workers: Workers
    inside: HttpProbe
    host: HostFacts
    clock: Clock


@dataclass(slots=True)
class _Meter:
    """What adds up between two samples."""

    glances: int = 0
    busy: float = 0.0
    waits: float = 0.0
    waiting: int = 0


class Sampler:
    """Keeps what only differences tell: processor time, connections at many moments, the newest account."""

    def __init__(self, eyes: Eyes, layout: Layout) -> None:
        """Nothing was seen yet: the first sample knows no processor time."""
        self._eyes, self._layout = eyes, layout
        self._sight: Known[Sight] = Unknown("nobody looked")
        self._owners: dict[str, str] = {}
        self._processors = Processors(eyes.workers, eyes.clock)
        self._host: tuple[float, float] = (0.0, 0.0)
        self._meter = _Meter()
        self._asked_at = -ASK_EVERY_SECONDS
        self._newest = -1
        self._info: Mapping[str, str] = {}
        self._works: Sequence[Reply] = ()
        self._arrivals: dict[str, int] = {}
        self.reading: Known[Sidekiq] = Unknown("nobody looked")

    def adopt(self, layout: Layout) -> None:
        """Read by this layout from here on."""
        self._layout = layout

    @property
    def sight(self) -> Known[Sight]:
        """What the Engine showed last."""
        return self._sight

    @property
    def owners(self) -> dict[str, str]:
        """Host name of a container → its service."""
        return self._owners

    # ---- every second

    def glance(self) -> None:
        """How many requests are under way, how many wait, and for how long."""
        pumas = [
            puma
            for one in self._web()
            if one.here
            for puma in [self._eyes.workers.puma(one.container_id)]
            if puma is not None
        ]
        if not pumas:
            self._glance_elsewhere()
            return
        waiting = sum(one.waiting for one in pumas)
        threads = sum(one.processes for one in pumas) * self._layout.web.threads
        meter = self._meter
        meter.glances += 1
        meter.busy += min(threads, sum(one.connections - one.waiting for one in pumas))
        meter.waiting += waiting
        meter.waits += self._wait(waiting, threads)

    def _glance_elsewhere(self) -> None:
        """Where every Puma is on other hosts, its line cannot be seen: it is asked how long it takes."""
        running = sum(one.runs for one in self._web())
        if running:
            self._meter.glances += 1
            plan = self._layout.web
            self._meter.waits += self._wait(1, running * plan.processes * plan.threads)

    def _wait(self, waiting: int, threads: int) -> float:
        """Seconds a request waits for a thread now: 0 while none does, else what one of our own takes."""
        if not waiting:
            return 0.0
        now = self._eyes.clock.monotonic_seconds()
        expected = ANSWER_SECONDS * waiting / max(1, threads)
        if now - self._asked_at < ASK_EVERY_SECONDS:
            return max(expected, self._meter.waits / max(1, self._meter.glances - 1))
        self._asked_at = now
        address = next((one.addresses[EDGE] for one in self._web() if EDGE in one.addresses), "")
        if not address:
            return expected
        url = f"http://{f'[{address}]' if ':' in address else address}:3000/health"
        answer = self._eyes.inside.ask(Request(url, connect_to=address))
        took = self._eyes.clock.monotonic_seconds() - now
        seconds = answer.seconds if isinstance(answer, Answer) else min(took, DEADLINE_SECONDS)
        return max(expected, seconds - ANSWER_SECONDS)

    def _web(self) -> tuple[Replica, ...]:
        return () if isinstance(self._sight, Unknown) else self._sight.of("web")

    # ---- every ten seconds

    def sample(self, mails: Mails) -> tuple[Sample, Mails]:
        """Everything since the last one; `mails` as returned then."""
        eyes = self._eyes
        self._sight = _known(eyes.stack.look)
        if not isinstance(self._sight, Unknown):
            self._remember(self._sight)
        cores = self._processors.cores(self._sight)
        found = Sample(
            at=eyes.clock.epoch_seconds(),
            web=self._web_sample(cores),
            database=_known(lambda: observing.database(eyes.database.ask(postgres.QUICK))),
        )
        self.reading = _known(self._read)
        found = replace(found, hosts=_known(lambda: self._hosts(cores.get("web"))))
        if isinstance(self.reading, Unknown):
            found = replace(found, queues=self.reading, services=self.reading)
        else:
            found, mails = self._with_redis(found, self.reading, mails, cores)
        if not isinstance(self._sight, Unknown) and self._sight.updating:
            names = ", ".join(f"`{name}`" for name in self._sight.updating)
            found = replace(found, updating=f"Swarm is replacing {names}")
        return self._with_people(found), mails

    def _remember(self, sight: Sight) -> None:
        now = {one.container_id[:12]: one.service for one in sight.replicas if one.container_id}
        # Those that leave are told apart from strangers for as long as they may finish their jobs.
        self._owners = dict([*self._owners.items(), *now.items()][-1000:])

    def _web_sample(self, cores: dict[str, float | None]) -> Known[WebSample]:
        if isinstance(self._sight, Unknown):
            return self._sight
        processes = starting = elsewhere = 0
        each = self._layout.web.processes
        for one in self._sight.of("web"):
            puma = self._eyes.workers.puma(one.container_id) if one.here else None
            if one.runs and not one.here:
                elsewhere += each
            elif puma is None or not one.runs:
                starting += each
            else:
                processes += puma.processes
        if not processes + elsewhere:
            return Unknown("no Puma was seen")
        meter, self._meter = self._meter, _Meter()
        glances = max(1, meter.glances)
        # Requests are shared out evenly: those elsewhere are as busy as those here.
        busy = meter.busy / glances * (1 + elsewhere / processes if processes else 1)
        count = processes + elsewhere
        return WebSample(count, starting, busy, meter.waits / glances, cores.get("web"), elsewhere)

    def _hosts(self, web_cores: float | None) -> tuple[HostSample, ...]:
        """This one as measured, the others as reckoned from what runs there."""
        eyes, before, sight = self._eyes, self._host, self._sight
        self._host = eyes.workers.processor()
        busy, total = (now - then for now, then in zip(self._host, before, strict=True))
        memory = eyes.host.memory()
        used = busy / total if total > 0 else 0.0
        home = HostSample("this host", eyes.host.cores(), used, memory.total_bytes, memory.available_bytes)
        if isinstance(sight, Unknown):
            return (home,)
        beating = () if isinstance(self.reading, Unknown) else self.reading.live
        working = hosts.working(self._layout, sight, beating, web_cores)
        return hosts.seen(self._layout, sight, home, working)

    def _read(self) -> Sidekiq:
        """Two round trips, a third one while jobs run, and some more while queues are long."""
        ask = self._eyes.redis.ask
        opening = ask(OPENING)
        now = moment(opening[0])
        minutes = (minute_name(now - 60), minute_name(now))
        reading = read(opening, ask(follow_up(opening, minutes)), minutes)
        self._info = info_of(opening)
        looks = last_look(reading.processes)
        self._works = ask(looks) if looks else ()
        idle = not any(one.busy for one in reading.processes)
        if looks or idle:
            oldest, busy = running(self._works)
            reading = replace(reading, oldest_run=oldest, busy=busy)
        searched = list(observing.searches(reading))
        while open_ := [one for one in searched if not one.found]:
            replies = ask([("LINDEX", f"queue:{one.queue}", str(one.middle)) for one in open_])
            narrowed = dict(
                zip(open_, (one.narrowed(r) for one, r in zip(open_, replies, strict=True)), strict=True)
            )
            searched = [narrowed.get(one, one) for one in searched]
        self._arrivals = {one.queue: one.low for one in searched}
        return reading

    def _with_redis(
        self, found: Sample, reading: Sidekiq, mails: Mails, cores: dict[str, float | None]
    ) -> tuple[Sample, Mails]:
        counted, delivered, failed = mails.counted(reading)
        if not mails.minutes:  # the first look: what happened before is nobody's news
            delivered = failed = 0
            counted = replace(counted, sent=mails.sent if mails.day == counted.day else 0)
        ends = DAY_SECONDS - reading.now % DAY_SECONDS
        sight = self._sight
        services = (
            sight
            if isinstance(sight, Unknown)
            else observing.services(self._layout, reading, sight, self._owners, cores)
        )
        found = replace(
            found,
            queues=observing.queues(reading, self._arrivals, observing.destinations(self._works)),
            services=services,
            mail=MailSample(delivered, failed, counted.sent, ends),
            processed=reading.processed,
            writable=unwritable(self._info),
        )
        return found, counted

    def _with_people(self, found: Sample) -> Sample:
        """Sign-ups since the last sample, and the registration mode."""
        answer = _known(lambda: observing.registrations(self._eyes.database.ask(postgres.SIGNUPS)))
        if isinstance(answer, Unknown):
            return replace(found, signups=answer, registrations=answer)
        newest, mode = answer
        made = max(0, newest - self._newest) if self._newest >= 0 else 0
        self._newest = newest
        return replace(found, signups=made, registrations=mode)


def _known(look: Callable[[], T]) -> Known[T]:
    try:
        return look()
    except InstanceError as error:
        return Unknown(error.message, error.hint)
