"""The simulated instance: queues, processes, Puma, PostgreSQL and one host, a second at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from instancectl.core import budget
from instancectl.core.scaling.simulator.chance import Chance
from instancectl.core.scaling.simulator.costs import Costs, Work
from instancectl.core.scaling.simulator.crew import Crew
from instancectl.core.scaling.simulator.lines import Cohort, Line
from instancectl.core.scaling.simulator.sharing import Task, divided
from instancectl.core.scaling.simulator.shipped import SIGNUP_JOBS, SIGNUP_MAILS, SIGNUP_REQUESTS
from instancectl.core.scaling.simulator.site import Site
from instancectl.core.scaling.simulator.trace import QUEUES, Row, Trace
from instancectl.core.sizes import Layout

WELCOME_SECONDS: Final = 3600  # the welcome mail comes exactly so long after the confirmation
RESERVED: Final = budget.RESERVED_CONNECTIONS
REFUSED_SECONDS: Final = 5.0  # a refused connection hangs for so long
SMTP_TIMEOUT: Final = 20.0
SMTP_SLOW: Final = 6.0
REMOTE_TIMEOUT: Final = 10.0
REMOTE_SLOW: Final = 8.0
BREAKER_FAILURES: Final = 10  # Mastodon's own, for each inbox
BREAKER_SECONDS: Final = 60.0
APPROVAL_SIGNUPS: Final = 0.5  # assumed: half of the people go on when approval is needed
ANONYMOUS: Final = 0.35  # assumed: requests to Puma without a login, of which previews and bots
INBOX: Final = 0.5
RETURN_SECONDS: Final = 1800.0  # peers try again after up to an hour by then


@dataclass(frozen=True, slots=True)
class Host:
    """What the instance runs on: cores, memory, and what of it PostgreSQL, Redis and the system take."""

    cores: int
    memory_gb: float
    reserved_gb: float


@dataclass(slots=True)
class Counts:
    """What happened so far."""

    signups: int = 0
    refused: float = 0.0
    killed: int = 0
    lost: float = 0.0
    mails: int = 0
    mail_failures: int = 0
    processed: int = 0
    process_seconds: float = 0.0
    delays: list[tuple[float, float, int]] = field(default_factory=list)


class Engine:
    """One instance under a trace.

    It knows nothing of policies: `scale`, `scale_web` and the switches are what they use.
    """

    def __init__(
        self,
        trace: Trace,
        layout: Layout,
        host: Host,
        costs: Costs,
        seed: int,
        weight: Callable[[str, int], float],
    ) -> None:
        """Start with the processes of the layout, all of them working.

        Args:
            trace: what comes.
            layout: processes, threads and connections at the start.
            host: what it runs on.
            costs: what work costs.
            seed: of everything random.
            weight: processor weight of a service with so many containers.
        """
        self.trace, self.layout, self.host, self.costs = trace, layout, host, costs
        self.weight = weight
        self.now = 0
        self.lines = {queue: Line() for queue in QUEUES}
        self.crews = {plan.service: Crew(plan, costs) for plan in layout.sidekiq}
        for plan in layout.sidekiq:
            for _ in range(plan.replicas):
                self.crews[plan.service].add(0, 0)
        self.site = Site(costs, layout.web.threads, layout.web.replicas * layout.web.processes)
        self.counts = Counts()
        self.registrations = "open"
        self.shedding = False
        self.valve = False
        self.postponed = 0
        self.deferred: dict[int, list[tuple[str, Cohort]]] = defaultdict(list)
        self.used = 0.0
        self.slow = 1.0
        self.connections = 0
        self.busy: dict[str, float] = dict.fromkeys(QUEUES, 0.0)
        self.remote_busy = 0.0
        self._row = 0
        self._chances = {name: Chance(seed, name) for name in (*QUEUES, "site", "boot", "retry", "signups")}
        self._breaker_until = 0.0
        self._breaker_failures = 0.0

    # ------------------------------------------------------------------ what policies use

    def scale(self, service: str, target: int) -> None:
        """Towards `target` processes of a Sidekiq service."""
        crew = self.crews[service]
        low, high = self.costs.boot_seconds
        while crew.count < target:
            crew.add(self.now, self._chances["boot"].between(low, high))
        while crew.count > max(0, target):
            crew.remove(
                self.now,
                2 * max(self.costs.jobs[queue].seconds for queue in QUEUES if queue in crew.plan.queues),
            )

    def scale_web(self, target: int, *, in_place: bool) -> None:
        """Towards `target` Puma processes."""
        low, high = self.costs.boot_seconds
        boot = self._chances["boot"].between(low, high)
        self.site.set(target, self.now, self.costs.in_place_seconds if in_place else boot)

    def retry_now(self, queue: str) -> None:
        """Put the waiting retries of a queue back in line."""
        for at, entries in list(self.deferred.items()):
            mine = [cohort for name, cohort in entries if name == queue and cohort.attempt]
            if mine:
                self.deferred[at] = [pair for pair in entries if pair[0] != queue or not pair[1].attempt]
                for cohort in mine:
                    self.lines[queue].push(cohort._replace(at=self.now))

    def replace_one(self, service: str) -> None:
        """A fresh process first, then the fattest one goes."""
        crew = self.crews[service]
        self.scale(service, crew.count + 1)
        old = max(crew.processes, key=lambda one: one.jobs)
        crew.processes.remove(old)
        crew.draining.append(self.now + self.costs.boot_seconds[1])

    # ------------------------------------------------------------------ one second

    @property
    def row(self) -> Row:
        """What holds now."""
        return self.trace.rows[self._row]

    def tick(self) -> None:
        """Let one second pass."""
        self.now += 1
        while self._row + 1 < len(self.trace.rows) - 1 and self.trace.rows[self._row + 1].at < self.now:
            self._row += 1
        for crew in self.crews.values():
            crew.begin(self.now)
        self.site.start(self.now)
        coming = self._arrive()
        self._work(coming)
        if self.now % 10 == 0:
            self._memory()
        self.counts.process_seconds += self.site.count + sum(
            crew.count for name, crew in self.crews.items() if name != "sidekiq"
        )

    def _arrive(self) -> float:
        """Enqueue what comes; returns the web requests of this second."""
        row, now = self.row, float(self.now)
        for queue in QUEUES:
            count = self._chances[queue].count(row.jobs.get(queue, 0.0))
            if queue == "ingress":
                count = self._let_in(count)
            self.lines[queue].push(Cohort(now, count, 0, now))
        for queue, cohort in self.deferred.pop(self.now, ()):
            self.lines[queue].push(cohort._replace(at=now))
        signups = self._signups(row.signups)
        requests = row.requests * (1 - ANONYMOUS if self.shedding else 1) + signups * SIGNUP_REQUESTS
        return float(self._chances["site"].count(requests))

    def _let_in(self, count: int) -> int:
        """Half of the peers wait while the valve is on, always the same ones; afterwards they come again."""
        if self.valve:
            later = round(count * INBOX)
            self.postponed += later
            return count - later
        part = math.ceil(self.postponed / RETURN_SECONDS)
        self.postponed -= part
        return count + part

    def _signups(self, rate: float) -> int:
        share = {"open": 1.0, "approved": APPROVAL_SIGNUPS, "none": 0.0}[self.registrations]
        count = self._chances["signups"].count(rate * share)
        self.counts.signups += count
        if not count or not self.trace.follow_up:
            return count if self.trace.follow_up else 0
        now = float(self.now)
        for queue, each in SIGNUP_JOBS.items():
            self.lines[queue].push(Cohort(now, count * each, 0, now))
        self.lines["mailers"].push(Cohort(now, count, 0, now))
        welcome = now + WELCOME_SECONDS
        self._defer("mailers", Cohort(welcome, count, 0, welcome), WELCOME_SECONDS)
        others = self._chances["signups"].count(count * (SIGNUP_MAILS - 2))
        self.lines["mailers"].push(Cohort(now, others, 0, now))
        return count

    def _defer(self, queue: str, cohort: Cohort, seconds: float) -> None:
        if cohort.jobs > 0:
            self.deferred[self.now + max(1, round(seconds))].append((queue, cohort))

    def _work(self, coming: float) -> None:
        """Share the processor, then do the work."""
        refused = self._refused()
        able, site_cores = self.site.wanted(coming, self.slow)
        plans = {name: self._wanted(crew, refused) for name, crew in self.crews.items()}
        queries = able * self.costs.request.database_seconds
        tasks = {"web": Task(self.weight("web", self.site.processes), site_cores, queries)}
        for name, crew in self.crews.items():
            cores = sum(count * self.costs.jobs[queue].processor_seconds for queue, count, _ in plans[name])
            queries = sum(count * self.costs.jobs[queue].database_seconds for queue, count, _ in plans[name])
            boots = crew.starting(self.now) * self.costs.boot_processor * 2 / sum(self.costs.boot_seconds)
            tasks[name] = Task(self.weight(name, max(1, crew.count)), cores + boots, queries)
        share, self.used, database = divided(self.host.cores, tasks, self.weight("db", 1))
        queries = database / max(0.05, share["db"])
        self.slow = max(
            1.0, queries / (self.costs.slow_queries * self.host.cores), 1 / max(0.05, share["db"])
        )
        self._pool(queries)
        self.site.serve(coming * (1 - refused), able, share["web"], self.slow)
        self.site.failed += coming * refused
        self.busy = dict.fromkeys(QUEUES, 0.0)
        for name, crew in self.crews.items():
            self._do(crew, plans[name], share[name], refused)

    def _pool(self, queries: float) -> None:
        """Through PgBouncer, more queries than its pool wait for each other."""
        bouncer = self.layout.pgbouncer
        if bouncer is not None:
            self.slow = max(self.slow, queries / bouncer.pool_size)

    def _refused(self) -> float:
        """Share of connections that PostgreSQL refuses."""
        site = self.site.processes * self.layout.web.threads
        open_now = site + sum(crew.held for crew in self.crews.values())
        open_now += self.layout.streaming.replicas * self.layout.streaming.db_pool
        self.connections = open_now
        if self.layout.pgbouncer is not None:
            self.connections = self.layout.pgbouncer.pool_size
            return 0.0
        limit = self.layout.db.max_connections - RESERVED
        return max(0.0, (open_now - limit) / open_now)

    def _wanted(self, crew: Crew, refused: float) -> list[tuple[str, float, float]]:
        """Jobs of each queue it could do this second with all the processor it wants, and seconds of each."""
        queues = [
            (queue, weight)
            for queue, weight in zip(crew.plan.queues, crew.plan.weights, strict=True)
            if queue in self.lines
        ]
        waiting = [(queue, weight) for queue, weight in queues if self.lines[queue].size]
        found = []
        threads, processor = float(crew.ready * crew.plan.threads), float(crew.ready)
        left = sum(weight for _, weight in waiting)
        for queue, weight in waiting:
            work = self.costs.jobs[queue]
            each = self._seconds(queue, work) + refused * REFUSED_SECONDS
            part = weight / left
            able = min(threads * part / each, processor * part / work.processor_seconds)
            able *= self._luck(queue, work, able)
            count = min(float(self.lines[queue].size), able)
            threads -= count * each
            processor -= count * work.processor_seconds
            left -= weight
            found.append((queue, count, each))
        return found

    def _luck(self, queue: str, work: Work, able: float) -> float:
        """Jobs differ: many together hardly, a few of them a lot."""
        if able <= 0:
            return 1.0
        spread = work.variation / math.sqrt(max(1.0, able))
        return max(0.3, min(2.0, 1 + spread * self._chances[queue].normal()))

    def _seconds(self, queue: str, work: Work) -> float:
        """Thread seconds of one job right now, without the interpreter lock."""
        seconds = work.seconds + work.database_seconds * (self.slow - 1)
        faults = self.row.faults
        if not faults:
            return seconds
        if queue == "mailers":
            return (
                SMTP_TIMEOUT
                if "smtp-down" in faults
                else seconds * (SMTP_SLOW if "smtp-slow" in faults else 1)
            )
        if queue == "push":
            dead = 0.0 if self.now < self._breaker_until else faults.get("remote-dead", 0.0)
            slow = faults.get("remote-slow", 0.0)
            return seconds + dead * REMOTE_TIMEOUT + slow * REMOTE_SLOW
        return seconds

    def _do(self, crew: Crew, plan: list[tuple[str, float, float]], share: float, refused: float) -> None:
        crew.busy = crew.cores = crew.done = 0.0
        for queue, wanted, each in plan:
            work = self.costs.jobs[queue]
            crew.credit += wanted * min(1.0, share)
            count = min(int(crew.credit), self.lines[queue].size)
            crew.credit = min(crew.credit - count, 1.0)
            load = min(0.99, wanted * work.processor_seconds / max(1, crew.ready))
            held = each + work.processor_seconds * (1 / max(0.05, share * (1 - load)) - 1)
            busy = min(crew.ready * crew.plan.threads - crew.busy, wanted * min(1.0, share) * held)
            crew.busy += busy
            self.busy[queue] += busy
            crew.cores += count * work.processor_seconds
            crew.done += count
            if count:
                self._finish(queue, self.lines[queue].pop(count), count, refused)
        if crew.done and crew.ready:
            for process in crew.processes:
                if process.ready_at <= self.now:
                    process.jobs += crew.done / crew.ready

    def _finish(self, queue: str, cohorts: list[Cohort], count: int, refused: float) -> None:
        """What becomes of jobs that were taken: done, or back in the retry set."""
        self.counts.processed += count
        failing = refused
        faults = self.row.faults
        if queue == "mailers":
            failing = 1.0 if "smtp-down" in faults else refused
        elif queue == "push" and "remote-dead" in faults:
            failing = max(refused, faults["remote-dead"])
            self._remote(count * failing)
        self.remote_busy = self._held_by_remote() if queue == "push" else self.remote_busy
        failed = self._rounded(count * failing)
        self.counts.refused += count * refused
        if queue == "mailers":
            self.counts.mail_failures += failed
            self.counts.mails += count - failed
        for cohort in cohorts:
            part = min(cohort.jobs, failed)
            failed -= part
            if part:
                chance = self._chances["retry"]
                delay = cohort.attempt**4 + 15 + int(10 * chance.uniform()) * (cohort.attempt + 1)
                self._defer(queue, cohort._replace(jobs=part, attempt=cohort.attempt + 1), delay)
            if queue == "mailers" and cohort.jobs > part:
                self.counts.delays.append((cohort.born, float(self.now), cohort.jobs - part))

    def _rounded(self, amount: float) -> int:
        whole = int(amount)
        return whole + (self._chances["retry"].uniform() < amount - whole) if amount > whole else whole

    def _remote(self, failures: float) -> None:
        """Mastodon's own breaker: ten failures, and deliveries to that host fail at once for a minute."""
        if self.now < self._breaker_until:
            return
        self._breaker_failures += failures
        if self._breaker_failures >= BREAKER_FAILURES:
            self._breaker_until, self._breaker_failures = self.now + BREAKER_SECONDS, 0.0

    def _held_by_remote(self) -> float:
        """Share of the threads at work on deliveries that wait for the one troubled host."""
        work, faults = self.costs.jobs["push"], self.row.faults
        dead = 0.0 if self.now < self._breaker_until else faults.get("remote-dead", 0.0) * REMOTE_TIMEOUT
        slow = faults.get("remote-slow", 0.0) * REMOTE_SLOW
        return (dead + slow) / (dead + slow + work.seconds)

    def _memory(self) -> None:
        """Too much memory: the kernel kills the largest process with the jobs it holds."""
        free = self.host.memory_gb - self.host.reserved_gb - self.site.memory_gb
        total = sum(crew.total_gb for crew in self.crews.values())
        fat = sorted(
            ((crew.memory_gb(one), name, one) for name, crew in self.crews.items() for one in crew.processes),
            key=lambda found: found[:2],
        )
        while total > free and fat:
            size, name, victim = fat.pop()
            crew = self.crews[name]
            crew.processes.remove(victim)
            self.counts.killed += 1
            self.counts.lost += crew.busy / max(1, crew.ready)
            crew.add(self.now, self._chances["boot"].between(*self.costs.boot_seconds))
            total -= size  # its successor needs memory only once it has started
