"""Looks at an instance and tells how it is."""

from __future__ import annotations

from collections.abc import Callable

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.result import Result, Status
from instancectl.core.status import report
from instancectl.errors import Unhealthy
from instancectl.ports.clock import Clock

Look = Callable[[], tuple[Facts, tuple[Finding, ...]]]
"""Gathers facts and judges them by the health checks."""


def show(look: Look, clock: Clock) -> Result:
    """One screen; exits 4 unless it is well or in announced maintenance: unknown is never well."""
    facts, findings = look()
    told = report(facts, findings, clock.epoch_seconds())
    well = told.verdict in {"well", "maintenance"}
    return Result(Status.OK, told.data, told.lines, exit_code=0 if well else Unhealthy.exit_code)
