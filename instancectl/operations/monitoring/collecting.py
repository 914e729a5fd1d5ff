"""Everything one scrape shows: each source asked beside the others, none able to hold the scrape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from instancectl import __version__
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring import disk, postgres
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.restarts import Restarts
from instancectl.core.monitoring.sidekiq import Process
from instancectl.core.monitoring.sight import Sight
from instancectl.core.monitoring.stores import JobCounters, redis_samples, sidekiq_samples
from instancectl.core.unknown import NOT_LOOKED, Known, Unknown
from instancectl.operations.monitoring.probing import Senses
from instancectl.operations.monitoring.redis_reading import read_redis

SCRAPE_SECONDS = 2.2
"""Sources that have not answered by then are left out of the scrape, which says so."""

CACHED_SECONDS = 60.0
"""Reads that cost more than a moment are made once a minute."""

DOCKER_AREA = "docker"


@dataclass(slots=True)
class _Cached:
    """The last good reading of something that is read once a minute."""

    read: Callable[[], tuple[Sample, ...]]
    due: float = 0.0
    samples: tuple[Sample, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, now: float) -> tuple[Sample, ...]:
        """Read again if it is time; two scrapes at once read once."""
        with self.lock:
            if now >= self.due:
                self.samples = ()
                self.samples = self.read()
                self.due = now + CACHED_SECONDS
            return self.samples


class Collectors:
    """Asks PostgreSQL, Redis and the kernel at every scrape."""

    def __init__(self, senses: Senses) -> None:
        """Nothing is asked yet."""
        self._senses = senses
        self._sight: Known[Sight] = NOT_LOOKED
        self._restarts = Restarts()
        self._jobs: JobCounters | None = None
        self._jobs_lock = threading.Lock()
        self._sizes = _Cached(self._read_sizes)
        self._people = _Cached(self._read_people)

    def see(self, sight: Known[Sight]) -> None:
        """What the Engine showed last: a scrape does not ask it again."""
        self._sight = sight
        self._restarts.see(sight)

    @property
    def sight(self) -> Known[Sight]:
        """What the Engine showed last."""
        return self._sight

    def samples(self) -> Iterator[Sample]:
        """All samples of one scrape, each source's with whether it answered and how long it took."""
        yield Sample(stores.BUILD_INFO, 1, (__version__,))
        sources: dict[str, Callable[[], tuple[float, list[Sample]]]] = {
            "backups": self._timed(self._senses.backups),
            "containers": self._timed(self._containers),
            "database": self._timed(self._database),
            "disk": self._timed(self._disks),
            "people": self._timed(lambda: self._people.at(self._now())),
            "redis": self._timed(self._redis),
        }
        found = self._senses.together.run(sources, SCRAPE_SECONDS)
        for name in sources:
            answer = found[name]
            well = not isinstance(answer, Unknown)
            seconds, samples = (SCRAPE_SECONDS, _down(name)) if isinstance(answer, Unknown) else answer
            yield Sample(stores.COLLECTOR_SUCCESS, float(well), (name,))
            yield Sample(stores.COLLECTOR_DURATION, seconds, (name,))
            yield from samples

    def _now(self) -> float:
        return self._senses.clock.monotonic_seconds()

    def _timed(self, source: Callable[[], Iterable[Sample]]) -> Callable[[], tuple[float, list[Sample]]]:
        def work() -> tuple[float, list[Sample]]:
            started = self._now()
            samples = list(source())
            return self._now() - started, samples

        return work

    # ---- Redis and Sidekiq

    def _redis(self) -> Iterator[Sample]:
        info, reading = read_redis(self._senses.redis, self._minutes_due)
        with self._jobs_lock:
            jobs = self._jobs or JobCounters(reading.now)
            jobs.take(reading.minutes)
            counted = list(jobs.samples())
        yield Sample(stores.REDIS_UP, 1)
        yield from redis_samples(info)
        yield from sidekiq_samples(reading, self._name_of)
        yield from counted

    def _minutes_due(self, now: float) -> tuple[str, ...]:
        with self._jobs_lock:
            if self._jobs is None:
                self._jobs = JobCounters(now)
            return self._jobs.due(now)

    def _name_of(self, process: Process) -> str:
        """The replica; a process of another host or by hand keeps its host's name."""
        known = "" if isinstance(self._sight, Unknown) else self._sight.by_hostname(process.hostname)
        return known or process.hostname or "unknown"

    # ---- PostgreSQL

    def _database(self) -> Iterator[Sample]:
        ask = self._senses.database.ask
        samples = [
            *postgres.quick_samples(ask(postgres.QUICK)),
            *postgres.standby_samples(ask(postgres.STANDBYS)),
        ]
        yield Sample(stores.DB_UP, 1)
        yield from samples
        yield from self._sizes.at(self._now())

    def _read_sizes(self) -> tuple[Sample, ...]:
        ask = self._senses.database.ask
        return tuple(postgres.size_samples(ask(postgres.SIZES), ask(postgres.TABLES)))

    def _read_people(self) -> tuple[Sample, ...]:
        ask = self._senses.database.ask
        people = postgres.people_samples(ask(postgres.PEOPLE))
        return (*people, *postgres.update_samples(ask(postgres.UPDATES)))

    # ---- containers and disks

    def _containers(self) -> Iterator[Sample]:
        if isinstance(self._sight, Unknown):
            return
        for service, replicas in sorted(self._sight.wanted.items()):
            yield Sample(stores.CONTAINER_WANTED, replicas, (service,))
        yield from self._restarts.samples()
        for one in self._sight.replicas:
            labels = (one.service, str(one.slot))
            yield Sample(stores.CONTAINER_UP, float(one.runs), labels)
            use = self._senses.stack.memory(one.container_id) if one.here and one.container_id else None
            if use is not None:
                yield Sample(stores.CONTAINER_MEMORY, use.used_bytes, labels)
                if use.limit_bytes:
                    yield Sample(stores.CONTAINER_LIMIT, use.limit_bytes, labels)

    def _disks(self) -> Iterator[Sample]:
        directory = (
            Sight().docker_directory if isinstance(self._sight, Unknown) else self._sight.docker_directory
        )
        found = self._senses.host.disk(directory)
        label = (DOCKER_AREA,)
        yield Sample(stores.DISK_TOTAL, found.total_bytes, label)
        yield Sample(stores.DISK_FREE, found.free_bytes, label)
        moment = disk.full_at(self._senses.ledger.free_history(DOCKER_AREA))
        if moment is not None:
            yield Sample(stores.DISK_FULL, moment, label)


def _down(source: str) -> list[Sample]:
    """What a source that did not answer says by that."""
    words = {"database": [Sample(stores.DB_UP, 0)], "redis": [Sample(stores.REDIS_UP, 0)]}
    return words.get(source, [])
