"""A small instance out of fakes whose agent is looked at: its dashboard, with as much history as wanted."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from instancectl.core.alerting.alertmanager import Silence
from instancectl.core.monitoring.overview import Decision, Firing
from instancectl.core.monitoring.sli import SLICE_SECONDS, Verdict, slice_of
from instancectl.core.unknown import Known, Unknown
from instancectl.operations.monitoring.agent import Agent
from instancectl.operations.monitoring.dashboard import Dashboard, Sources
from instancectl.ports.reading_ring import ReadingRing
from tests.fakes.clock import FakeClock
from tests.fakes.reading_ring import FakeRing
from tests.fakes.reporter import FakeReporter
from tests.operations.test_monitoring import around
from tests.operations.watched import CONFIG, Watched

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "monitoring" / "runbooks"
NO_ALERTS = Unknown("nothing evaluates alerts here")
NO_DECISIONS = Unknown("nothing decides about scaling")


@dataclass
class LookedAt:
    """`world` is what is watched; `alerts` and `decisions` are what the dashboard is told."""

    world: Watched = field(default_factory=lambda: Watched().deployed())
    ring: ReadingRing = field(default_factory=FakeRing)
    alerts: Known[tuple[Firing, ...]] = NO_ALERTS
    silences: Known[tuple[Silence, ...]] = NO_ALERTS
    decisions: Known[tuple[Decision, ...]] = NO_DECISIONS
    reporter: FakeReporter = field(default_factory=FakeReporter)

    def __post_init__(self) -> None:
        self.world.clock = FakeClock(self.world.redis.now)
        self.agent = Agent(CONFIG, around(self.world))
        self.dashboard = Dashboard(
            CONFIG,
            Sources(
                samples=self.agent.samples,
                verdict=self.agent.watch.verdict,
                ledger=self.world.ledger,
                ring=self.ring,
                clock=self.world.clock,
                reporter=self.reporter,
                alerts=lambda: self.alerts,
                silences=lambda: self.silences,
                decisions=lambda: self.decisions,
                runbook=runbook,
            ),
        )

    @property
    def now(self) -> float:
        return self.world.clock.epoch_seconds()

    def look(self) -> LookedAt:
        """One slice goes by, and one reading."""
        self.agent.probe()
        self.dashboard.read()
        return self

    def later(self, seconds: float = SLICE_SECONDS) -> LookedAt:
        """Time goes by for everybody."""
        self.world.clock.now += seconds
        self.world.redis.now += seconds
        return self


def runbook(slug: str) -> str | None:
    path = RUNBOOKS / f"{slug}.md"
    return path.read_text() if path.is_file() else None


def fill(ring: ReadingRing, keys: list[tuple[str, str]], now: float) -> None:
    """30 days of history, as fine as the ring keeps it."""
    chance = random.Random(1)
    steps = ((30 * 86400, 3600), (7 * 86400, 900), (26 * 3600, 120), (2 * 3600, 15))
    moments = sorted({now - back for span, step in steps for back in range(0, span, step)})
    levels = {key: chance.uniform(1, 50) for key in keys}
    for at in moments:
        for key in keys:
            levels[key] = max(0.0, levels[key] * chance.uniform(0.9, 1.1) + chance.uniform(-0.5, 0.5))
        ring.add(at, levels)


def fill_ledger(ledger: Any, slis: tuple[str, ...], now: float, days: int = 30) -> None:
    """Days of slices, one good stretch a day, with an outage and a gap now and then."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(days, 0, -1):
        first = slice_of((today - timedelta(days=back)).timestamp())
        for offset in (0, *((40, 41, 42) if back % 7 == 0 else ())):
            verdict = Verdict.BAD if offset else Verdict.GOOD
            ledger.record(first + offset, dict.fromkeys(slis, verdict), "web" if offset else "")
        if back % 11:
            for step in range(50, 200):
                ledger.record(first + step, dict.fromkeys(slis, Verdict.GOOD), "")
