"""Alerts on the alerting itself: agent, prober, Prometheus, Alertmanager, receivers."""

from __future__ import annotations

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alert import MINUTE, Alert, Severity

_PAGE, _TICKET = Severity.PAGE, Severity.TICKET

HEARTBEAT = "Watchdog"
JOB = "instancectl"
"""Of the agent in Prometheus' configuration."""


def agent_alerts(_: InstanceConfig) -> tuple[Alert, ...]:
    """Of whatever tells the others."""
    slices = 'instancectl_sli_slices_total{sli="availability"}'
    down = f'up{{job="{JOB}"}}'
    failed = "increase(alertmanager_notifications_failed_total[15m]) > 0"
    undelivered = "increase(instancectl_alert_failures_total[15m]) > 0"
    lost = "increase(instancectl_alert_dropped_total[15m]) > 0"
    return (
        Alert(
            HEARTBEAT, Severity.HEARTBEAT, "vector(1)", 0,
            "alerts work; this one always fires",
            "None. When it stops arriving, alerts no longer work.",
            "instancectl alert test",
        ),
        Alert(
            "ExporterDown", _PAGE, f"{down} == 0 or absent({down})", 3 * MINUTE,
            "the agent does not answer Prometheus",
            "Nobody watches the instance, and uptime is not counted.",
            "systemctl status instancectl-agent",
        ),
        Alert(
            "CollectorFailing", _TICKET, "instancectl_collector_success == 0", 10 * MINUTE,
            "the agent has had no answer from {{ $labels.collector }} for 10 minutes",
            "What it shows is missing, and alerts on it cannot fire.",
            "instancectl metrics", ("DatabaseDown", "RedisNotWritable", "DiskAlmostFull"),
        ),
        Alert(
            "ProbesStalled", _PAGE,
            f"sum by (site) (increase({slices}[5m])) == 0 or absent({slices})", 5 * MINUTE,
            "nobody has measured whether the instance is up for 10 minutes",
            "An outage would go unseen.",
            "systemctl status instancectl-agent", ("ExporterDown",),
        ),
        Alert(
            "AlertDeliveryFailing", _TICKET, f"{failed} or {undelivered} or {lost}", 5 * MINUTE,
            "messages to {{ or $labels.receiver $labels.integration }} do not get through",
            "Somebody who should be told is not.",
            "instancectl alert test",
        ),
        Alert(
            "RuleEvaluationFailing", _TICKET, "increase(prometheus_rule_evaluation_failures_total[15m]) > 0",
            5 * MINUTE,
            "Prometheus cannot evaluate {{ $labels.rule_group }}",
            "Alerts of that group do not fire.",
            "instancectl logs prometheus",
        ),
    )  # fmt: skip
