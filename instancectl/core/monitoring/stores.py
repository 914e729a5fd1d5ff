"""Samples of Redis and of Sidekiq, made from one reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from instancectl.core.monitoring import catalogue_sidekiq as sidekiq
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.job_queues import MAIL, OTHER, queue_of
from instancectl.core.monitoring.metric import Counter, Sample
from instancectl.core.monitoring.sidekiq import Process, Reply, Sidekiq, closed_minutes, pairs, text
from instancectl.core.monitoring.sli import QUEUE_OBJECTIVES
from instancectl.core.sizes import QUEUES

ProcessName = Callable[[Process], str]


def info_of(opening: Sequence[Reply]) -> dict[str, str]:
    """Redis' INFO as names and values, and the one setting that goes with it."""
    lines = (line.partition(":") for line in text(opening[1]).splitlines())
    return {name: value.strip() for name, found, value in lines if found} | pairs(opening[2])


def redis_samples(info: Mapping[str, str]) -> Iterator[Sample]:
    """Of Redis itself."""
    yield Sample(stores.REDIS_WRITABLE, float(not unwritable(info)))
    for metric, name in (
        (stores.REDIS_MEMORY, "used_memory"),
        (stores.REDIS_LIMIT, "maxmemory"),
        (stores.REDIS_CLIENTS, "connected_clients"),
        (stores.REDIS_LAST_SAVE, "rdb_last_save_time"),
    ):
        yield Sample(metric, float(info.get(name) or 0))


def unwritable(info: Mapping[str, str]) -> str:
    """Why Redis refuses writes, or drops what it should keep; empty when it does neither."""
    if info.get("role", "master") != "master":
        return f"it is a replica of {info.get('master_host', 'another server')}"
    stops = info.get("stop-writes-on-bgsave-error", "yes") == "yes"
    if stops and info.get("rdb_last_bgsave_status", "ok") != "ok":
        return "it could not write its data to disk"
    if info.get("aof_enabled") == "1" and info.get("aof_last_write_status", "ok") != "ok":
        return "it could not write its log to disk"
    limit = int(info.get("maxmemory") or 0)
    if limit and int(info.get("used_memory") or 0) >= limit:
        return "its memory is full"
    policy = info.get("maxmemory_policy", "noeviction")
    return "" if policy == "noeviction" else f"it evicts keys (`maxmemory-policy {policy}`)"


def sidekiq_samples(reading: Sidekiq, name_of: ProcessName) -> Iterator[Sample]:
    """Of Sidekiq, but for what the minute buckets count."""
    yield from _queue_samples(reading)
    yield Sample(sidekiq.JOBS_PROCESSED, reading.processed)
    yield Sample(sidekiq.JOBS_FAILED, reading.failed)
    yield Sample(sidekiq.UNIQUE_DIGESTS, reading.unique_digests)
    for name, entries in reading.sets.items():
        yield Sample(sidekiq.SET_JOBS, entries.size, (name,))
        if name != "dead":
            yield Sample(sidekiq.SET_OVERDUE, entries.overdue_seconds, (name,))
    for name, (queued, interval) in reading.cron.items():
        yield Sample(sidekiq.CRON_LAST, queued, (name,))
        if interval:
            yield Sample(sidekiq.CRON_INTERVAL, interval, (name,))
    named = {name_of(process): process for process in reading.processes}
    for name, process in named.items():
        yield from _process_samples(name, process)


def _queue_samples(reading: Sidekiq) -> Iterator[Sample]:
    takers = [one for one in reading.live if not one.quiet]
    for name, queue in reading.queues.items():
        label = (name,)
        serving = [one for one in takers if name in one.queues]
        yield Sample(sidekiq.QUEUE_JOBS, queue.size, label)
        yield Sample(sidekiq.QUEUE_LATENCY, queue.latency_seconds, label)
        if name in QUEUE_OBJECTIVES:
            yield Sample(sidekiq.QUEUE_OBJECTIVE, QUEUE_OBJECTIVES[name], label)
        yield Sample(sidekiq.QUEUE_PROCESSES, len(serving), label)
        yield Sample(sidekiq.QUEUE_THREADS, sum(one.threads for one in serving), label)
        if reading.busy is not None and reading.oldest_run is not None:
            started = reading.oldest_run.get(name, reading.now)
            yield Sample(sidekiq.QUEUE_BUSY, reading.busy.get(name, 0), label)
            yield Sample(sidekiq.QUEUE_OLDEST_RUN, max(0.0, reading.now - started), label)


def _process_samples(name: str, process: Process) -> Iterator[Sample]:
    label = (name,)
    yield Sample(sidekiq.PROCESS_THREADS, process.threads, label)
    yield Sample(sidekiq.PROCESS_BUSY, process.busy, label)
    yield Sample(sidekiq.PROCESS_MEMORY, process.rss_bytes, label)
    yield Sample(sidekiq.PROCESS_ROUND_TRIP, process.round_trip_seconds, label)
    yield Sample(sidekiq.PROCESS_HEARTBEAT, process.beat, label)
    quiet = "true" if process.quiet else "false"
    yield Sample(sidekiq.PROCESS_INFO, 1, (name, process.version, ",".join(process.queues), quiet))


class JobCounters:
    """Adds up Sidekiq's minute buckets, each once."""

    def __init__(self, since: float) -> None:
        """Count minutes that close after `since`, Redis' clock in seconds."""
        self.since = since
        self._done: set[str] = set()
        self._queues = tuple(
            Counter(one) for one in (sidekiq.QUEUE_PROCESSED, sidekiq.QUEUE_FAILED, sidekiq.QUEUE_EXECUTION)
        )
        self._mails = Counter(sidekiq.MAIL_PROCESSED), Counter(sidekiq.MAIL_FAILED)
        for counter in self._queues:
            for queue in (*QUEUES, OTHER):
                counter.add((queue,), 0)
        for counter in self._mails:
            counter.add((), 0)

    def due(self, now: float) -> tuple[str, ...]:
        """Names of the minutes that closed and were not counted yet."""
        return tuple(name for name in closed_minutes(now, self.since) if name not in self._done)

    def take(self, minutes: Mapping[str, Mapping[str, int]]) -> None:
        """Count what is new among closed minutes."""
        for minute, counts in minutes.items():
            if minute not in self._done:
                self._done.add(minute)
                self._count(counts)
        if len(self._done) > 64:  # older ones are never asked for again
            self._done = set(sorted(self._done)[-32:])

    def _count(self, counts: Mapping[str, int]) -> None:
        processed, failed, execution = self._queues
        for key, count in counts.items():
            job_class, _, what = key.rpartition("|")
            queue = (queue_of(job_class),)
            if what == "p":
                processed.add(queue, count)
            elif what == "f":
                failed.add(queue, count)
            elif what == "ms":
                execution.add(queue, count / 1000)
            if job_class == MAIL and what in {"p", "f"}:
                self._mails[what == "f"].add((), count)

    def samples(self) -> Iterable[Sample]:
        """What was counted so far."""
        for counter in (*self._queues, *self._mails):
            yield from counter.samples()
