"""Tells the person how a provisioning run goes, role by role, and counts what it did on each host."""

from __future__ import annotations

from collections.abc import Sequence

from instancectl.core.host import progress
from instancectl.core.host.roles import ROLES
from instancectl.ports.clock import Clock
from instancectl.ports.playbooks import Event
from instancectl.ports.reporter import Reporter


class Told:
    """Turns events into progress for the person, and counts.

    Attributes:
        tallies: host → what happened there so far.
    """

    def __init__(self, reporter: Reporter, clock: Clock, hosts: Sequence[str]) -> None:
        """Nothing happened yet on any of the hosts."""
        self._reporter = reporter
        self._clock = clock
        self._hosts = hosts
        self._role = ""
        self._started = 0.0
        self._changed_before = 0
        self.tallies = {host: progress.Tally() for host in hosts}

    def tell(self, event: Event) -> None:
        """Take one event."""
        if event.kind == "task":
            self._task(event)
        elif event.host in self.tallies:
            self._count(self.tallies[event.host], event)

    def finish(self) -> None:
        """The last role is over."""
        if not self._role:
            return
        done = self._changes() - self._changed_before
        seconds = self._clock.monotonic_seconds() - self._started
        if not any(tally.failure and tally.failure.role == self._role for tally in self.tallies.values()):
            said = f"{done} changed" if done else "as it should be"
            self._reporter.step_done(progress.title(self._role), said, seconds)
        self._role = ""

    def broke(self) -> None:
        """The run itself ended in the middle of a role."""
        if self._role:
            self._reporter.step_failed(progress.title(self._role))

    def _task(self, event: Event) -> None:
        if event.role != self._role:
            self.finish()
            self._role = event.role
            self._started = self._clock.monotonic_seconds()
            self._changed_before = self._changes()
        summary = f"{progress.title(event.role)}: {progress.lowered(event.task)}"
        self._reporter.step_started(max(progress.number(event.role), 1), len(ROLES), summary)

    def _count(self, tally: progress.Tally, event: Event) -> None:
        if event.kind in {"ok", "changed"}:
            tally.ran += 1
            if event.task == progress.PROOF:
                tally.proof = progress.proof_failed(event.result)
        if event.kind == "changed":
            tally.changed.append(f"{progress.title(event.role)}: {progress.lowered(event.task)}")
        elif event.kind == "diff":
            tally.diffs.extend(progress.unified(event.result["diff"]))
        elif event.kind in {"failed", "unreachable"}:
            tally.failure = progress.failure(
                event.host, event.role, event.task, event.result, unreachable=event.kind == "unreachable"
            )
            where = f"{event.host}: " if len(self._hosts) > 1 else ""
            self._reporter.step_failed(where + tally.failure.where)

    def _changes(self) -> int:
        return sum(len(tally.changed) for tally in self.tallies.values())
