"""From what Redis, PostgreSQL, the Engine and the kernel answered to the sample that the policy judges."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from instancectl.core.monitoring.job_queues import MAIL
from instancectl.core.monitoring.sidekiq import Process, Reply, Sidekiq, seconds
from instancectl.core.monitoring.sight import Sight
from instancectl.core.scaling.sample import DatabaseSample, QueueSample, ServiceSample
from instancectl.core.sizes import Layout, SidekiqPlan

COUNTED_SECONDS: Final = 20.0
"""Arrivals are counted over the last so many seconds, once the oldest job has waited for as long."""

MODES: Final = ("open", "approved", "none")
DAY_SECONDS: Final = 86400

_ENQUEUED: Final = re.compile(rb'"enqueued_at":\s*([0-9.]+)')
_QUEUE: Final = re.compile(rb'^\{\s*"queue":\s*"([^"]+)"')
_INBOX: Final = re.compile(rb'\d+,\s*\\*"https?://([^/\\"]{1,253})')
"""A delivery's arguments are its document, an account's number, and the inbox."""


@dataclass(frozen=True, slots=True)
class Search:
    """How many jobs of a queue came within the last 20 s, found by halves: `LINDEX` counts from the newest.

    Attributes:
        low, high: jobs that surely came, and the first that surely did not; both found when equal.
    """

    queue: str
    since: float
    low: int
    high: int

    @property
    def middle(self) -> int:
        """The job to look at next."""
        return (self.low + self.high) // 2

    @property
    def found(self) -> bool:
        """Whether `low` is the answer."""
        return self.low >= self.high

    def narrowed(self, payload: Reply) -> Search:
        """After a look at the job in the middle; one that is gone, or says nothing, counts as older."""
        stamp = _ENQUEUED.search(payload) if isinstance(payload, bytes) else None
        if stamp and seconds(float(stamp[1])) >= self.since:
            return Search(self.queue, self.since, self.middle + 1, self.high)
        return Search(self.queue, self.since, self.low, self.middle)


def searches(reading: Sidekiq) -> tuple[Search, ...]:
    """What to search: queues whose oldest job has waited for long enough."""
    since = reading.now - COUNTED_SECONDS
    return tuple(
        Search(name, since, 0, queue.size)
        for name, queue in reading.queues.items()
        if queue.size and queue.latency_seconds >= COUNTED_SECONDS
    )


def destinations(replies: Sequence[Reply]) -> dict[str, int]:
    """Remote host → threads of `push` that deliver to it; nothing else is taken from the payloads."""
    found: Counter[str] = Counter()
    for reply in replies:
        for job in reply if isinstance(reply, list) else ():
            payload = job if isinstance(job, bytes) else b""
            queue, host = _QUEUE.search(payload[:200]), _INBOX.search(payload)
            if queue and queue[1] == b"push" and host:
                found[host[1].decode(errors="replace").lower()] += 1
    return dict(found)


def queues(reading: Sidekiq, arrivals: Mapping[str, int], hosts: Mapping[str, int]) -> dict[str, QueueSample]:
    """Every queue; busy threads by queue are estimated when too many run to look at each."""
    busy = reading.busy if reading.busy is not None else _spread(reading)
    return {
        name: QueueSample(
            queue.size,
            queue.latency_seconds,
            busy.get(name, 0),
            arrivals.get(name),
            hosts if name == "push" else {},
        )
        for name, queue in reading.queues.items()
    }


def _spread(reading: Sidekiq) -> dict[str, int]:
    """Busy threads go to the longest line that their process serves."""
    found: Counter[str] = Counter()
    for process in reading.live:
        served = [name for name in process.queues if name in reading.queues]
        if process.busy and served:
            found[max(served, key=lambda name: reading.queues[name].size)] += process.busy
    return dict(found)


def services(
    layout: Layout,
    reading: Sidekiq,
    sight: Sight,
    owners: Mapping[str, str],
    cores: Mapping[str, float | None],
) -> dict[str, ServiceSample]:
    """Every Sidekiq service.

    Args:
        layout: the services there should be.
        reading: heartbeats.
        sight: replicas that should run.
        owners: host name of a container, of now or of a while ago → its service.
        cores: service → cores it used since the last sample, None when not measured.
    """
    wanted = {one.container_id[:12] for one in sight.replicas}
    return {
        plan.service: _service(
            plan,
            [one for one in reading.live if owners.get(one.hostname) == plan.service],
            reading.now,
            sight.wanted.get(plan.service, 0),
            wanted,
            cores.get(plan.service),
        )
        for plan in layout.sidekiq
        if plan.service in sight.wanted
    }


def _service(
    plan: SidekiqPlan,
    mine: Sequence[Process],
    now: float,
    wanted: int,
    current: set[str],
    cores: float | None,
) -> ServiceSample:
    taking = [one for one in mine if not one.quiet and one.hostname in current]
    return ServiceSample(
        replicas=min(len(taking), wanted),
        starting=max(0, wanted - len(taking)),
        draining=len(mine) - len(taking),
        busy=min(sum(one.busy for one in taking), len(taking) * plan.threads),
        cores=cores,
        largest_bytes=max((one.rss_bytes for one in taking), default=0),
        oldest_seconds=max((now - one.started for one in taking if one.started), default=0.0),
    )


def victim(reading: Sidekiq, service: str, owners: Mapping[str, str]) -> str:
    """Host name of the container to replace: the largest process, the older one when they are alike."""
    mine = [one for one in reading.live if owners.get(one.hostname) == service and not one.quiet]
    return max(mine, key=lambda one: (one.rss_bytes, -one.started)).hostname if mine else ""


def database(rows: Sequence[tuple[str | None, ...]]) -> DatabaseSample:
    """Of `core.monitoring.postgres.QUICK`."""
    return DatabaseSample(max_connections=int(rows[0][1] or 0), open=int(rows[0][0] or 0))


def registrations(rows: Sequence[tuple[str | None, ...]]) -> tuple[int, str]:
    """Of `core.monitoring.postgres.SIGNUPS`: the newest account's number; the mode, `none` when unset."""
    newest, value = rows[0]
    words = re.findall(r"[a-z]+", value or "")
    return int(newest or 0), words[-1] if words and words[-1] in MODES else "none"


@dataclass(frozen=True, slots=True)
class Mails:
    """What became of mails, added up.

    Attributes:
        minutes: minute bucket → (attempts, failures) that were counted already.
        day: days since 1970, of `sent`.
        sent: mails handed over on that day.
    """

    minutes: Mapping[str, tuple[int, int]]
    day: int = 0
    sent: int = 0

    def counted(self, reading: Sidekiq) -> tuple[Mails, int, int]:
        """With the reading's minutes in it; mails delivered and failed since the last one."""
        found = {
            minute: (counts.get(f"{MAIL}|p", 0), counts.get(f"{MAIL}|f", 0))
            for minute, counts in reading.minutes.items()
        }
        attempts = sum(max(0, p - self.minutes.get(minute, (0, 0))[0]) for minute, (p, _) in found.items())
        failed = sum(max(0, f - self.minutes.get(minute, (0, 0))[1]) for minute, (_, f) in found.items())
        day = int(reading.now // DAY_SECONDS)
        delivered = max(0, attempts - failed)
        sent = (self.sent if day == self.day else 0) + delivered
        return Mails(found, day, sent), delivered, failed
