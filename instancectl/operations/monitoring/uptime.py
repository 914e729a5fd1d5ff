"""What the ledger says about the past."""

from __future__ import annotations

from datetime import UTC, datetime

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import history
from instancectl.core.monitoring.sli import AVAILABILITY, by_month
from instancectl.core.monitoring.surfaces import slis_of
from instancectl.core.result import Result, Status
from instancectl.ports.clock import Clock
from instancectl.ports.uptime_ledger import UptimeLedger

SPELLS = 200
"""Stretches that are looked through for outages."""


def uptime(config: InstanceConfig, ledger: UptimeLedger, clock: Clock) -> Result:
    """Uptime with its coverage: the last 30 days, months, years, and the last outages."""
    days = {sli: ledger.days(sli) for sli in slis_of(config)}
    if not days[AVAILABILITY]:
        said = "nothing was measured yet: is the agent running? type `systemctl status instancectl-agent`"
        return Result(Status.OK, {"window": {}, "months": {}, "outages": []}, (said,))
    objectives = config.monitoring.objectives.shares
    recent = history.window(days, datetime.fromtimestamp(clock.epoch_seconds(), UTC).date())
    spells = ledger.spells(AVAILABILITY, SPELLS)
    outages = history.outage_lines(spells)
    lines = [*history.window_lines(recent, objectives), "", *history.month_lines(days[AVAILABILITY])]
    if outages:
        lines += ["", "OUTAGES, NEWEST FIRST", *outages]
    return Result(
        Status.OK,
        {
            "window": {sli: history.as_json(counts, objectives[sli]) for sli, counts in recent.items()},
            "months": {
                month: history.as_json(counts, objectives[AVAILABILITY])
                for month, counts in by_month(days[AVAILABILITY]).items()
            },
            "outages": [
                {"began_at": history.began(one), "seconds": one.seconds, "cause": one.cause}
                for one in spells
                if one.verdict.value == "bad"
            ],
        },
        tuple(lines),
    )
