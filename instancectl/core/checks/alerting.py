"""Whether anybody is told when something breaks."""

from __future__ import annotations

from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, ok, warn

WANTED = "two receivers, of which one works when the other is what broke"


def alerts(facts: Facts) -> Judgement:
    """There are receivers, and somebody outside who notices when alerts are dead."""
    config = facts.config
    receivers = config.alerts.receivers
    if not config.monitoring.enabled:
        if receivers:
            return warn(
                "alerts",
                f"{', '.join(receivers)} set up, and nothing that would raise an alert",
                "Prometheus and Alertmanager",
                "set `enabled = true` in `[monitoring]`, then `instancectl deploy`",
            )
        return Skipped("alerts", "no alerts are wanted (`monitoring.enabled` is false)")
    if len(receivers) < 2:
        seen = f"only {receivers[0]} is told" if receivers else "nobody is told when something breaks"
        return warn("alerts", seen, WANTED, "name another in `[alerts]`, then `instancectl alert test`")
    if not config.alerts.heartbeat_url:
        return warn(
            "alerts",
            f"{', '.join(receivers)} are told; nobody notices when alerts themselves are dead",
            "a check outside that expects a sign of life",
            "set `heartbeat_url` in `[alerts]`",
        )
    return ok("alerts", f"{', '.join(receivers)} are told; the outside expects a sign of life")
