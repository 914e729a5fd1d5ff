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
APART_SECONDS: Final = 86400.0
"""Between two changes without asking: each one replaces processes, and a day has every mix of work once."""


class Advice:
    """Threads that each service should have, by the record."""

    def __init__(self, record: ScalingRecord) -> None:
        """Nothing is read before the first question."""
        self._record = record
        self._asked_at = 0.0
        self._wanted: dict[str, int] = {}
        self._found: tuple[Proposal, ...] = ()

    def due(self, policy: Policy, now: float, *, calm: bool = True) -> tuple[Decision, ...]:
        """What is new to say at `now` (seconds since the epoch); each proposal is said once.

        Where the policy tunes, what was found twice, an hour apart, is done, too, while all is calm.

        Raises:
            OperationFailed: the record cannot be read.
        """
        if policy.mode == "off" or 0 <= now - self._asked_at < EVERY_SECONDS:
            return ()
        self._found = proposals(policy.layout, self._record.rows(now - WINDOW_SECONDS, now))
        self._asked_at = now
        wanted = {one.service: one.wanted for one in self._found if one.changes}
        before, self._wanted = self._wanted, wanted
        new = [one for one in self._found if one.changes and before.get(one.service) != one.wanted]
        said = tuple(
            Decision(Kind.ASK, one.service, one.wanted, one.threads, "tune", _sentence(one)) for one in new
        )
        if not wanted or new or not (calm and policy.tunes and policy.mode == "auto") or self._tuned(now):
            return said
        changed = ", ".join(
            f"`{one.service}` {one.threads} → {one.wanted}" for one in self._found if one.changes
        )
        why = f"the work of the last hours asked twice for other threads: {changed}"
        return (Decision(Kind.TUNE, "instance", len(wanted), 0, "tune", why),)

    def _tuned(self, now: float) -> bool:
        """Whether it was tried in the last day, however it ended."""
        kept = self._record.decisions(now - APART_SECONDS, now)
        return any(one.decision["kind"] == Kind.TUNE and one.outcome for one in kept)

    def readings(self) -> Iterator[Reading]:
        """Threads now and wanted, of what was measured long enough."""
        for one in self._found:
            if one.share:
                yield Reading(metrics.THREADS, one.threads, (one.service,))
                yield Reading(metrics.WANTED_THREADS, one.wanted, (one.service,))


def _sentence(one: Proposal) -> str:
    return f"{one.threads} → {one.wanted} threads: {one.reason}; `instancectl scale tune --apply` does it"
