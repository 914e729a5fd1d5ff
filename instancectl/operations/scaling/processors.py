"""Processor time of services, between one look and the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from instancectl.core.monitoring.sight import Sight
from instancectl.core.unknown import Known, Unknown
from instancectl.ports.clock import Clock
from instancectl.ports.workers import Workers


class Processors:
    """Remembers what each container had used."""

    def __init__(self, workers: Workers, clock: Clock) -> None:
        """The first look knows nothing."""
        self._workers, self._clock = workers, clock
        self._used: dict[str, float] = {}
        self._at = 0.0

    def cores(self, sight: Known[Sight]) -> dict[str, float | None]:
        """Service → cores used since the last look; its containers on this host speak for the others.

        None where nothing of a service is on this host, or one of its containers could not be measured.
        """
        if isinstance(sight, Unknown):
            return {}
        now = self._clock.monotonic_seconds()
        used: dict[str, float] = {}
        each: dict[str, list[float | None]] = {}
        every = [one for one in sight.replicas if one.container_id]
        for one in every:
            if not one.here:
                continue
            seconds = self._workers.processor_seconds(one.container_id)
            before = self._used.get(one.container_id, 0.0)
            each.setdefault(one.service, []).append(None if seconds is None else max(0.0, seconds - before))
            if seconds is not None:
                used[one.container_id] = seconds
        first, elapsed = not self._at, now - self._at
        self._used, self._at = used, now
        if first or elapsed <= 0:
            return {}
        there = Counter(one.service for one in every)
        return {name: _together(each.get(name, ()), count, elapsed) for name, count in there.items()}


def _together(used: Sequence[float | None], count: int, elapsed: float) -> float | None:
    known = [one for one in used if one is not None]
    if not known or len(known) < len(used):
        return None
    return sum(known) / len(known) * count / elapsed
