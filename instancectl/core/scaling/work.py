"""What a job costs before anything was measured here, and what its queue may expect.

Seconds include the wait for PostgreSQL, SMTP and other servers; processor seconds are the Ruby
process's own. Measured on Mastodon 4.6.3 (Ruby 3.3 without YJIT, 2 cores); the waits on SMTP (0.3 s)
and on other servers (0.3 s, 1.2 s for what `pull` fetches) are assumptions. All of it is replaced by
what this instance measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class JobCost:
    """Seconds a thread is taken by one job, and the processor seconds within."""

    seconds: float
    processor_seconds: float


JOBS: Final[Mapping[str, JobCost]] = {
    "default": JobCost(0.015, 0.012),
    "push": JobCost(0.30, 0.010),
    "ingress": JobCost(0.060, 0.036),
    "mailers": JobCost(0.40, 0.040),
    "pull": JobCost(1.2, 0.060),
    "fasp": JobCost(1.2, 0.060),
}

OBJECTIVES: Final[Mapping[str, int]] = {
    "default": 30,
    "mailers": 60,
    "ingress": 120,
    "push": 120,
    "pull": 3600,
    "fasp": 3600,
}
"""Seconds the oldest job of a queue may have waited."""

PRIORITIES: Final[Mapping[str, float]] = {
    "default": 1.0,
    "mailers": 1.0,
    "ingress": 0.7,
    "push": 0.6,
    "pull": 0.1,
    "fasp": 0.1,
}
"""Who comes first when not everybody can be served; `web` stands above all."""

WEB_PRIORITY: Final = 2.0
WEB_OBJECTIVE_MS: Final = 100

PATIENT: Final = frozenset({"pull", "fasp"})
"""Queues that may wait for an hour: not part of the pressure, first to give."""

SCALED: Final = tuple(OBJECTIVES)
"""The queues that are judged; `scheduler` belongs to the base process alone."""

BUSY_LIMIT: Final = 0.9
"""Share of one core that a Ruby process reaches; its lock keeps it below."""


def saturated_rate(queue: str, threads: int) -> float:
    """Jobs per second of one process that has nothing else to do, as far as the table knows."""
    cost = JOBS[queue]
    return min(threads / cost.seconds, BUSY_LIMIT / cost.processor_seconds)
