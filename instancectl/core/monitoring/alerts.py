"""Every alert, with the thresholds of one instance.

An alert is four things or none: a row here, cases that prove when it fires and when it does not, a runbook
under `monitoring/runbooks`, and a row of the reference page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alert import Alert, Severity, duration
from instancectl.core.monitoring.alerts_agent import agent_alerts
from instancectl.core.monitoring.alerts_jobs import job_alerts
from instancectl.core.monitoring.alerts_stores import store_alerts
from instancectl.core.monitoring.alerts_upkeep import upkeep_alerts
from instancectl.core.monitoring.alerts_uptime import uptime_alerts

_GROUPS = (
    ("uptime", uptime_alerts),
    ("jobs", job_alerts),
    ("stores", store_alerts),
    ("upkeep", upkeep_alerts),
    ("alerting", agent_alerts),
)


def groups(config: InstanceConfig) -> Mapping[str, tuple[Alert, ...]]:
    """Name of a group of rules → its alerts."""
    return {name: make(config) for name, make in _GROUPS}


def catalogue(config: InstanceConfig) -> tuple[Alert, ...]:
    """Every alert."""
    return tuple(alert for alerts in groups(config).values() for alert in alerts)


def planned(config: InstanceConfig) -> tuple[str, ...]:
    """Names of what a deploy may cause."""
    return tuple(alert.name for alert in catalogue(config) if alert.planned)


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While one of `sources` fires nobody is told about `targets`; with `same`, only where it is equal."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    same: str = ""


def inhibitions(config: InstanceConfig) -> Iterator[Inhibition]:
    """What silences what; targets of the same sources stand together."""
    merged: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for alert in catalogue(config):
        for sources, same in ((alert.inhibited_by, ""), (alert.overtaken_by, alert.same)):
            if sources:
                merged.setdefault((sources, same), []).append(alert.name)
    for (sources, same), targets in merged.items():
        yield Inhibition(sources, tuple(targets), same)


def reference_markdown() -> str:
    """docs/reference/alerts.md, with default thresholds."""
    config = InstanceConfig.model_validate({"instance": {"domain": "social.example"}})
    lines = [
        "# Alerts",
        "",
        "`page` wakes somebody, `ticket` waits for the morning.",
        "Thresholds are those of a file without `[alerts.thresholds]`.",
        "`instancectl alert rules` prints the rules of an instance.",
    ]
    for name, alerts in groups(config).items():
        lines += ["", f"## {name.capitalize()}", ""]
        for alert in alerts:
            lines += _row(alert)
    return "\n".join(lines)


def _row(alert: Alert) -> list[str]:
    silent = ", ".join(f"`{name}`" for name in (*alert.inhibited_by, *alert.overtaken_by))
    held = f"for {duration(alert.for_seconds)}" if alert.for_seconds else "at once"
    kind = "always fires" if alert.severity is Severity.HEARTBEAT else f"{alert.severity.value}, {held}"
    return [
        f"### {alert.name}",
        "",
        f"{kind}. {alert.impact}",
        *([f"Silent while one of these fires: {silent}."] if silent else []),
        "",
        "```promql",
        alert.expr,
        "```",
        "",
    ]
