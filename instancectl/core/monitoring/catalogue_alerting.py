"""Metrics of messages to people, and of what alerts need beside the other sources."""

from __future__ import annotations

from instancectl.core.monitoring.metric import Kind, Metric

_G, _C = Kind.GAUGE, Kind.COUNTER
_R = ("receiver",)

ALERT_WAITING = Metric("instancectl_alert_waiting", _G, "Messages that a receiver has not got yet.", _R)
ALERT_DELIVERIES = Metric(
    "instancectl_alert_deliveries_total", _C, "Messages that a receiver got since the agent started.", _R
)
ALERT_FAILURES = Metric(
    "instancectl_alert_failures_total",
    _C,
    "Failed attempts to send a message since the agent started; it is tried again.",
    _R,
)
ALERT_DROPPED = Metric(
    "instancectl_alert_dropped_total", _C, "Messages given up after a day since the agent started.", _R
)
HEARTBEAT_SENT = Metric(
    "instancectl_heartbeat_last_sent_timestamp_seconds",
    _G,
    "When the outside was last told that alerts work; 0 is never since the agent started.",
)
MAINTENANCE = Metric(
    "instancectl_maintenance_running",
    _G,
    "1 while a command that changes the instance or backs it up is under way.",
)

ALERTING_METRICS = (
    ALERT_WAITING, ALERT_DELIVERIES, ALERT_FAILURES, ALERT_DROPPED, HEARTBEAT_SENT, MAINTENANCE,
)  # fmt: skip
