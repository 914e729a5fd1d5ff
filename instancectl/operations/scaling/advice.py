"""What `scale tune` would say, asked again every hour: the mix of work changes, and nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from instancectl.core.monitoring import catalogue_scaling as metrics
from instancectl.core.monitoring.metric import Sample as Reading
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.tune import Proposal, proposals
from instancectl.ports.scaling_record import ScalingRecord

EVERY_SECONDS: Final = 3600.0
WINDOW_SECONDS: Final = 6 * 3600.0
"""Of recorded work: long enough for some of every kind, short enough to see that it changed."""


class Advice:
    """Threads that each service should have, by the record."""

    def __init__(self, record: ScalingRecord) -> None:
        """Nothing is read before the first question."""
        self._record = record
        self._asked_at = 0.0
        self._said: dict[str, int] = {}
        self._found: tuple[Proposal, ...] = ()

    def due(self, policy: Policy, now: float) -> tuple[Decision, ...]:
        """What is new to say at `now` (seconds since the epoch); each proposal is said once.

        Raises:
            OperationFailed: the record cannot be read.
        """
        if policy.mode == "off" or 0 <= now - self._asked_at < EVERY_SECONDS:
            return ()
        self._found = proposals(policy.layout, self._record.rows(now - WINDOW_SECONDS, now))
        self._asked_at = now
        wanted = {one.service: one.wanted for one in self._found if one.changes}
        new = [one for one in self._found if one.changes and self._said.get(one.service) != one.wanted]
        self._said = wanted
        return tuple(
            Decision(Kind.ASK, one.service, one.wanted, one.threads, "tune", _sentence(one)) for one in new
        )

    def readings(self) -> Iterator[Reading]:
        """Threads now and wanted, of what was measured long enough."""
        for one in self._found:
            if one.share:
                yield Reading(metrics.THREADS, one.threads, (one.service,))
                yield Reading(metrics.WANTED_THREADS, one.wanted, (one.service,))


def _sentence(one: Proposal) -> str:
    return f"{one.threads} → {one.wanted} threads: {one.reason}; `instancectl scale tune --apply` does it"
