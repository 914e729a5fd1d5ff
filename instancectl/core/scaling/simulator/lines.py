"""Waiting jobs of one queue, in cohorts: jobs that came together stand and leave together."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple


class Cohort(NamedTuple):
    """Jobs that were enqueued in the same second.

    Attributes:
        at: when they were enqueued, last time.
        jobs: how many are left.
        attempt: how often they failed.
        born: when they were enqueued the first time.
    """

    at: float
    jobs: int
    attempt: int
    born: float


@dataclass(slots=True)
class Line:
    """A queue, first in, first out."""

    size: int = 0
    _cohorts: deque[Cohort] = field(default_factory=deque)

    def push(self, cohort: Cohort) -> None:
        """Enqueue."""
        if cohort.jobs > 0:
            self._cohorts.append(cohort)
            self.size += cohort.jobs

    def pop(self, count: int) -> list[Cohort]:
        """Take the `count` oldest jobs."""
        taken = []
        while count > 0 and self._cohorts:
            first = self._cohorts[0]
            part = min(count, first.jobs)
            if part == first.jobs:
                self._cohorts.popleft()
            else:
                self._cohorts[0] = first._replace(jobs=first.jobs - part)
            taken.append(first._replace(jobs=part))
            self.size -= part
            count -= part
        return taken

    def latency(self, now: float) -> float:
        """Seconds the oldest job has waited; 0 when there is none."""
        return now - self._cohorts[0].at if self._cohorts else 0.0

    def since(self, moment: float) -> int:
        """Jobs that were enqueued after `moment` and still wait."""
        total = 0
        for cohort in reversed(self._cohorts):
            if cohort.at <= moment:
                break
            total += cohort.jobs
        return total
