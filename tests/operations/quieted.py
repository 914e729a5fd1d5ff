"""A dashboard whose alerts and silences are those of an Alertmanager out of fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from instancectl.core.monitoring.overview import Firing
from instancectl.operations.alerting import Silencing
from instancectl.operations.monitoring.quieting import Quieting
from tests.operations.looked_at import LookedAt
from tests.operations.test_alerting import World

TOKEN = "token-of-the-page"
FORM = {"token": TOKEN, "lasts": "4h", "until": "", "why": "new disk", "who": "Ada"}


@dataclass
class Quieted:
    """`alerting.web` is Alertmanager, `looked` the dashboard, `desk` what its server asks."""

    alerting: World = field(default_factory=World)
    looked: LookedAt = field(default_factory=LookedAt)

    def __post_init__(self) -> None:
        self.looked.look()
        self.desk = Quieting(
            self.alerting.config, self.alerting.clock, self.silencing, self.told_again, TOKEN
        )

    def silencing(self, who: str) -> Silencing:
        world = self.alerting
        return Silencing(
            world.config, world.web, world.spool, world.journal, world.reporter, world.clock, who
        )

    def told_again(self) -> None:
        """As the agent's wiring does."""
        asked = self.silencing("")
        self.looked.alerts = tuple(
            Firing(one.name, one.severity, one.summary, one.since, one.runbook, one.silenced)
            for one in asked.active()
        )
        self.looked.silences = asked.running()
        self.looked.dashboard.read_alerts()

    def fires(self, name: str, **status: Any) -> Quieted:
        """Alertmanager has such an alert."""
        self.alerting.web.active.append(
            {
                "labels": {"alertname": name, "severity": "page"},
                "annotations": {"summary": "PostgreSQL does not answer", "runbook": "database-down"},
                "startsAt": "2027-01-15T07:55:00Z",
                "status": status,
            }
        )
        self.told_again()
        return self
