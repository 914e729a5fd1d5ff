"""Threads for each process from what its jobs were measured to do: wait, or compute.

A Ruby process computes with one core at most. So a process has enough threads when those that happen to
compute fill that core: 0.85 divided by the share of a core that one busy thread uses. More of them only make
each other slower (measured: 105 feed inserts a second with one thread, 57 with ten).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from instancectl.core.scaling.recorded import Recorded
from instancectl.core.sizes import BASE, Layout, SidekiqPlan

FILLED: Final = 0.85  # of its core, above which a process is bound by Ruby's interpreter lock
LEAST: Final = 3
MOST: Final = 25
MOVED: Final = 1 / 3  # by less than that it is not worth a restart
EVIDENCE_SECONDS: Final = 300.0  # of work by busy threads
FULL: Final = 0.9  # share of its threads from which a service counts as full
FULL_SAMPLES: Final = 6
TICK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one service should have.

    Attributes:
        threads: of one process, now.
        wanted: threads it should have; the same where nothing is to be done.
        more: whether it should rather grow by processes.
        share: of a core that one busy thread uses; 0: not measured.
        reason: one sentence with the arithmetic.
    """

    service: str
    threads: int
    wanted: int
    more: bool
    share: float
    reason: str

    @property
    def changes(self) -> bool:
        """Whether another number of threads is proposed."""
        return self.wanted != self.threads


def proposals(layout: Layout, rows: Sequence[Recorded]) -> tuple[Proposal, ...]:
    """One for each Sidekiq service but the base process, which carries everything."""
    return tuple(_proposed(plan, rows) for plan in layout.sidekiq if plan.service != BASE)


def _proposed(plan: SidekiqPlan, rows: Sequence[Recorded]) -> Proposal:
    seen = [one["services"][plan.service] for _, one in rows if plan.service in one["services"]]
    measured = [(replicas, busy, cores) for replicas, _, _, busy, cores, *_ in seen if cores is not None]
    work = TICK_SECONDS * sum(busy for _, busy, _ in measured)
    used = TICK_SECONDS * sum(cores for _, busy, cores in measured if busy)
    if work < EVIDENCE_SECONDS or used <= 0:
        said = f"{work:.0f} s of work were recorded, {EVIDENCE_SECONDS:.0f} s are needed to judge"
        return Proposal(plan.service, plan.threads, plan.threads, more=False, share=0.0, reason=said)
    share = used / work
    full = [
        cores / replicas
        for replicas, busy, cores in measured
        if replicas and busy >= FULL * replicas * plan.threads
    ]
    if len(full) >= FULL_SAMPLES and sum(full) / len(full) > FILLED:
        return _bound(plan, share, sum(full) / len(full))
    return _by_share(plan, share, used, work)


def _bound(plan: SidekiqPlan, share: float, core: float) -> Proposal:
    """Its share reads one divided by its threads, whatever the work: only fewer threads tell more."""
    wanted = max(LEAST, plan.threads // 2) if plan.threads > LEAST else plan.threads
    said = (
        f"full processes use {core:.2f} of a core each, so that threads wait for the interpreter lock: "
        f"half of {plan.threads} threads, {LEAST} at least, and more processes instead"
    )
    return Proposal(plan.service, plan.threads, wanted, more=True, share=share, reason=said)


def _by_share(plan: SidekiqPlan, share: float, used: float, work: float) -> Proposal:
    ideal = FILLED / share
    wanted = min(MOST, max(LEAST, round(ideal)))
    if abs(wanted - plan.threads) <= MOVED * plan.threads:
        wanted = plan.threads
    bound = f", {LEAST} to {MOST} are sensible" if not LEAST <= round(ideal) <= MOST else ""
    kept = f", near enough to {plan.threads}" if wanted == plan.threads and round(ideal) != wanted else ""
    said = (
        f"a busy thread uses {share:.3f} of a core ({used:.0f} s of processor in {work:.0f} s of work): "
        f"{FILLED} / {share:.3f} = {ideal:.1f}{bound}{kept}"
    )
    return Proposal(plan.service, plan.threads, wanted, more=False, share=share, reason=said)
