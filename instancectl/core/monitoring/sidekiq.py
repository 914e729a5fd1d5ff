"""What Sidekiq leaves in Redis: which commands ask for it in three round trips, and what the replies mean.

Every command costs the same for one job and for a million: no SCAN, no KEYS, no list read in its middle.
Payloads carry tokens, so nothing but their times and queues is taken from them, and by pattern: a payload
can be a megabyte (facts: sidekiq 8.1.7 lib/sidekiq/launcher.rb, component.rb, metrics/tracking.rb).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from instancectl.core.questions import MILLISECONDS_ABOVE
from instancectl.core.sizes import QUEUES

Reply: TypeAlias = "bytes | int | list[Reply] | None"
Command: TypeAlias = tuple[str, ...]

SETS = ("retry", "schedule", "dead")
BUSY_LIMIT = 500
"""Above so many busy threads their payloads are not read: the age of the longest job is then unknown."""

FOREIGN_QUEUES = 12
"""Queues beyond Mastodon's own that get series: names come from whoever may write to Redis."""

BEAT_LATE_SECONDS = 30.0
"""A process beats every 10 s; its record outlives the last beat by 60 s."""

_PROCESS_FIELDS = ("info", "beat", "quiet", "busy", "concurrency", "rss", "rtt_us")
_ENQUEUED = re.compile(rb'"enqueued_at":\s*([0-9.]+)')
_CREATED = re.compile(rb'"created_at":\s*([0-9.]+)')
_RUN_AT = re.compile(rb'"run_at":\s*([0-9.]+)\s*\}?\s*$')
_RUN_QUEUE = re.compile(rb'^\{\s*"queue":\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue; `latency_seconds` is how long its oldest job has waited, 0 when it is empty."""

    size: int
    latency_seconds: float


@dataclass(frozen=True, slots=True)
class JobSet:
    """A sorted set of jobs; `overdue_seconds` is how late its first due entry is."""

    size: int
    overdue_seconds: float


@dataclass(frozen=True, slots=True)
class Process:
    """One Sidekiq process by its heartbeat.

    Attributes:
        hostname: of its container: the beginning of the container's identifier.
        rss_bytes: resident memory.
        round_trip_seconds: to Redis and back, as it measured itself.
        started: when, seconds since 1970; 0 when it does not say.
    """

    identity: str
    hostname: str
    version: str
    queues: tuple[str, ...]
    beat: float
    quiet: bool
    busy: int
    threads: int
    rss_bytes: int
    round_trip_seconds: float
    started: float = 0.0

    def alive(self, now: float) -> bool:
        """Whether it beats."""
        return now - self.beat <= BEAT_LATE_SECONDS


@dataclass(frozen=True, slots=True)
class Sidekiq:
    """Everything of one reading; `now` is Redis' own clock.

    Attributes:
        oldest_run: queue → start of the job that runs longest; None when too many run to look.
        busy: queue → threads at work on it; None likewise.
        cron: scheduled task → (last queued, expected spacing or 0).
        minutes: minute bucket → `Class|p` (attempts), `Class|f` (failures), `Class|ms` → count.
    """

    now: float
    queues: Mapping[str, Queue]
    sets: Mapping[str, JobSet]
    processes: tuple[Process, ...]
    processed: int
    failed: int
    unique_digests: int
    oldest_run: Mapping[str, float] | None = None
    busy: Mapping[str, int] | None = None
    cron: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    minutes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def live(self) -> tuple[Process, ...]:
        """Processes that beat."""
        return tuple(one for one in self.processes if one.alive(self.now))


OPENING: tuple[Command, ...] = (
    ("TIME",),
    ("INFO",),
    ("CONFIG", "GET", "stop-writes-on-bgsave-error"),
    ("SMEMBERS", "processes"),
    ("SMEMBERS", "queues"),
    ("GET", "stat:processed"),
    ("GET", "stat:failed"),
    ("HGETALL", "sidekiq-scheduler:last_times"),
    ("HGETALL", "sidekiq-scheduler:next_times"),
    ("ZCARD", "uniquejobs:digests"),
    *(("ZCARD", name) for name in SETS),
    *(("ZRANGE", name, "0", "0", "WITHSCORES") for name in SETS[:2]),
)
"""The first round trip."""


def text(reply: Reply) -> str:
    """A bulk string as text; empty when there is none."""
    return reply.decode(errors="replace") if isinstance(reply, bytes) else ""


def number(reply: Reply) -> int:
    """An integer, or a bulk string that holds one; 0 for nothing."""
    if isinstance(reply, int):
        return reply
    return int(reply) if isinstance(reply, bytes) and re.fullmatch(rb"-?\d+", reply) else 0


def pairs(reply: Reply) -> dict[str, str]:
    """A flat list of names and values as a mapping."""
    found = reply if isinstance(reply, list) else []
    return {text(found[at]): text(found[at + 1]) for at in range(0, len(found) - 1, 2)}


def names(reply: Reply) -> tuple[str, ...]:
    """A set of names, sorted."""
    return tuple(sorted(text(one) for one in reply)) if isinstance(reply, list) else ()


def moment(reply: Reply) -> float:
    """The answer to TIME in seconds."""
    parts = reply if isinstance(reply, list) else []
    return number(parts[0]) + number(parts[1]) / 1e6 if len(parts) == 2 else 0.0


def follow_up(opening: Sequence[Reply], minutes: Sequence[str]) -> tuple[Command, ...]:
    """The second round trip: heads of the queues, processes, minute buckets."""
    commands: list[Command] = []
    for queue in known_queues(opening):
        commands += [("LLEN", f"queue:{queue}"), ("LINDEX", f"queue:{queue}", "-1")]
    commands += [("HMGET", identity, *_PROCESS_FIELDS) for identity in names(opening[3])]
    return (*commands, *(("HGETALL", f"j|{name}") for minute in minutes for name in _names_of(minute)))


def known_queues(opening: Sequence[Reply]) -> tuple[str, ...]:
    """Mastodon's own, so that an unused one reads zero, and some others that somebody made."""
    foreign = [name for name in names(opening[4]) if name not in QUEUES]
    return (*QUEUES, *foreign[:FOREIGN_QUEUES])


def last_look(processes: Sequence[Process]) -> tuple[Command, ...]:
    """The third round trip: what runs now; nothing when nothing or too much does."""
    busy = [one for one in processes if one.busy]
    if sum(one.busy for one in busy) > BUSY_LIMIT:
        return ()
    return tuple(("HVALS", f"{one.identity}:work") for one in busy)


def read(opening: Sequence[Reply], second: Sequence[Reply], minutes: Sequence[str]) -> Sidekiq:
    """Everything but what runs now."""
    now, replies = moment(opening[0]), iter(second)
    queues = {name: _queue(next(replies), next(replies), now) for name in known_queues(opening)}
    found = [_process(identity, next(replies)) for identity in names(opening[3])]
    buckets = {minute: _counted(next(replies) for _ in _names_of(minute)) for minute in minutes}
    retry, schedule = (_overdue(opening[at], now) for at in (13, 14))
    sizes = [number(opening[at]) for at in (10, 11, 12)]
    return Sidekiq(
        now=now,
        queues=queues,
        sets=dict(zip(SETS, map(JobSet, sizes, (retry, schedule, 0.0)), strict=True)),
        processes=tuple(one for one in found if one is not None),
        processed=number(opening[5]),
        failed=number(opening[6]),
        unique_digests=number(opening[9]),
        cron=_cron(pairs(opening[7]), pairs(opening[8])),
        minutes=buckets,
    )


def running(replies: Sequence[Reply]) -> tuple[dict[str, float], dict[str, int]]:
    """Queue → start of its longest running job, and queue → busy threads."""
    oldest: dict[str, float] = {}
    busy: dict[str, int] = {}
    for reply in replies:
        for job in reply if isinstance(reply, list) else ():
            payload = job if isinstance(job, bytes) else b""
            queue, started = _RUN_QUEUE.search(payload[:200]), _RUN_AT.search(payload[-200:])
            if queue and started:
                name, began = queue[1].decode(errors="replace"), seconds(float(started[1]))
                busy[name] = busy.get(name, 0) + 1
                oldest[name] = min(began, oldest.get(name, began))
    return oldest, busy


def seconds(stamp: float) -> float:
    """Sidekiq 8 counts in milliseconds, older ones in seconds; one queue may hold both."""
    return stamp / 1000 if stamp > MILLISECONDS_ABOVE else stamp


def waited(payload: bytes, now: float) -> float:
    """Seconds since a job was queued; 0 when its payload does not say."""
    found = _ENQUEUED.search(payload) or _CREATED.search(payload)
    return max(0.0, now - seconds(float(found[1]))) if found else 0.0


def closed_minutes(now: float, since: float, most: int = 10) -> tuple[str, ...]:
    """Names of the minute buckets that closed after `since`; a minute is closed 20 s after its end.

    Processes write with their heartbeat, every 10 s, into the minute of that moment.
    """
    last = int((now - 20) // 60)
    first = max(int(since // 60), last - most)
    return tuple(minute_name(minute * 60) for minute in range(first, last))


def minute_name(moment_seconds: float) -> str:
    """`YYMMDD|H:MM` in UTC, the hour without a leading zero."""
    at = datetime.fromtimestamp(moment_seconds, UTC)
    return f"{at:%y%m%d}|{at.hour}:{at:%M}"


def _names_of(minute: str) -> tuple[str, str]:
    """The bucket as Sidekiq 8 calls it, and as 7 did: `20YYMMDD|H:M`. While they are replaced both run."""
    day, _, moment_ = minute.partition("|")
    hour, _, past = moment_.partition(":")
    return minute, f"20{day}|{hour}:{int(past)}"


def _counted(replies: Iterable[Reply]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for reply in replies:
        found.update({key: number(value.encode()) for key, value in pairs(reply).items()})
    return dict(found)


def _queue(size: Reply, oldest: Reply, now: float) -> Queue:
    return Queue(number(size), waited(oldest, now) if isinstance(oldest, bytes) else 0.0)


def _overdue(first: Reply, now: float) -> float:
    entry = first if isinstance(first, list) else []
    return max(0.0, now - float(text(entry[1]))) if len(entry) == 2 else 0.0


def _process(identity: str, reply: Reply) -> Process | None:
    """None for an identity whose record is gone: the process died without saying goodbye."""
    fields = [text(one) for one in reply] if isinstance(reply, list) else []
    if len(fields) != len(_PROCESS_FIELDS) or not fields[0]:
        return None
    try:
        info = json.loads(fields[0])
        return Process(
            identity=identity,
            hostname=str(info.get("hostname", "")),
            version=str(info.get("version", "")),
            queues=_served(info),
            beat=float(fields[1] or 0),
            quiet=fields[2] == "true",
            busy=int(fields[3] or 0),
            # Up to 8.0 the number of threads stood in `info`.
            threads=int(fields[4] or info.get("concurrency") or 0),
            rss_bytes=int(fields[5] or 0) * 1024,
            round_trip_seconds=int(fields[6] or 0) / 1e6,
            started=float(info.get("started_at") or 0),
        )
    except (ValueError, TypeError, AttributeError):
        return None


def _served(info: Mapping[str, object]) -> tuple[str, ...]:
    """By its capsules; `queues` is deprecated and goes in Sidekiq 9."""
    capsules = info.get("capsules")
    if isinstance(capsules, dict) and capsules:
        found = [str(queue) for one in capsules.values() for queue in one.get("weights", ())]
        return tuple(dict.fromkeys(found))
    listed = info.get("queues")
    return tuple(dict.fromkeys(map(str, listed))) if isinstance(listed, list) else ()


def _cron(last: Mapping[str, str], following: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    found = {}
    for name, said in last.items():
        queued, then = _ruby_time(said), _ruby_time(following.get(name, ""))
        if queued:
            found[name] = (queued, max(0.0, then - queued))
    return found


def _ruby_time(said: str) -> float:
    """`Time#to_s`, such as `2026-11-22 04:58:05 UTC` or `… +0100`; 0 when it is none."""
    try:
        return datetime.strptime(said.replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z").timestamp()
    except ValueError:
        return 0.0
