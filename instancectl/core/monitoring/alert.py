"""One alert as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Who has to do something, and when."""

    PAGE = "page"
    """Wake somebody."""
    TICKET = "ticket"
    """Tomorrow."""
    HEARTBEAT = "heartbeat"
    """Nobody: it always fires, and its absence is the alarm."""


MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Alert:
    """One row of the catalogue.

    Attributes:
        name: as Prometheus shows it.
        expr: PromQL; a series it returns is one alert.
        for_seconds: how long it must hold.
        summary: what is wrong, in one sentence; may hold Prometheus' template language.
        impact: what people notice.
        command: the first thing to type.
        inhibited_by: while one of these fires nobody is told about this one.
        overtaken_by: likewise, where the label `same` has the same value.
        planned: a deploy or an upgrade may cause it, and silences it while it runs.
    """

    name: str
    severity: Severity
    expr: str
    for_seconds: int
    summary: str
    impact: str
    command: str
    inhibited_by: tuple[str, ...] = ()
    overtaken_by: tuple[str, ...] = ()
    same: str = ""
    planned: bool = False

    @property
    def runbook(self) -> str:
        """File name of the runbook without its ending: the name in kebab-case."""
        return runbook_of(self.name)


def runbook_of(name: str) -> str:
    """Of an alert's name: `DatabaseDown` → `database-down`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def duration(seconds: int) -> str:
    """As Prometheus writes it: `90s`, `5m`, `6h`."""
    for unit, size in (("h", HOUR), ("m", MINUTE)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
