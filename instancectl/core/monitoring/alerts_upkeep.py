"""Alerts on backups, drills and scaling; where these are not set up there are no metrics and no alerts."""

from __future__ import annotations

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alert import DAY, HOUR, MINUTE, Alert, Severity

_PAGE, _TICKET = Severity.PAGE, Severity.TICKET
_MADE = "instancectl_backup_last_success_timestamp_seconds"
_SIZE = "instancectl_backup_last_size_bytes"
_DESIRED = "instancectl_autoscaler_desired_replicas"

DRILL_DAYS = 35
"""A month, and some days to get around to it."""


def upkeep_alerts(_: InstanceConfig) -> tuple[Alert, ...]:
    """Of what runs by itself at night, or should."""
    return (*_backups(), *_scaling())


def _backups() -> tuple[Alert, ...]:
    return (
        Alert(
            "BackupTooOld", _TICKET,
            f"time() - ({_MADE} > 0) > 2 * instancectl_backup_interval_seconds + {HOUR}", 10 * MINUTE,
            "the newest backup set is {{ $value | humanizeDuration }} old",
            "After a disaster, that much would be lost.",
            "instancectl backup list", ("BackupMissing",),
        ),
        Alert(
            "BackupMissing", _PAGE, f"time() - ({_MADE} > 0) > {3 * DAY}", 30 * MINUTE,
            "no backup set was made for {{ $value | humanizeDuration }}",
            "After a disaster, that much would be lost.",
            "instancectl backup list",
        ),
        Alert(
            "BackupNeverMade", _TICKET, f"{_MADE} == 0", 26 * HOUR,
            "backups are set up, and none was made within a day",
            "After a disaster, nothing would be left.",
            "instancectl backup create",
        ),
        Alert(
            "BackupShrank", _TICKET,
            f"{_SIZE} < 0.5 * max_over_time({_SIZE}[7d])",
            30 * MINUTE,
            "the newest backup set has {{ $value | humanize1024 }}B, less than half of the one before",
            "It may lack something; old sets expire meanwhile.",
            "instancectl backup list",
        ),
        Alert(
            "BackupVerifyFailing", _TICKET, "instancectl_backup_verify_success == 0", 15 * MINUTE,
            "backup sets were looked at, and something was wrong",
            "They may not be restorable.",
            "instancectl backup verify",
        ),
        Alert(
            "RestoreDrillOverdue", _TICKET,
            f"time() - instancectl_restore_drill_last_success_timestamp_seconds > {DRILL_DAYS * DAY}", HOUR,
            f"no restore was rehearsed in the last {DRILL_DAYS} days",
            "Nobody knows whether the sets make an instance, and how long that takes.",
            "instancectl backup drill",
        ),
    )  # fmt: skip


def _scaling() -> tuple[Alert, ...]:
    return (
        Alert(
            "AutoscalerNotConverging", _TICKET, f"{_DESIRED} != instancectl_autoscaler_replicas", 15 * MINUTE,
            "{{ $labels.service }} does not get the processes that were ordered: {{ $value }}",
            "It works with less than it needs, or with more than it should.",
            "instancectl scale show", planned=True,
        ),
        Alert(
            "AutoscalerSaturated", _TICKET,
            "max by (site) (instancectl_autoscaler_pressure_ratio) > 1\n"
            f"and on (site) max by (site) ({_DESIRED} >= instancectl_autoscaler_max_replicas)",
            30 * MINUTE,
            "waits are beyond their objectives, and this host cannot run more processes",
            "Things stay slow until there is more to run them on.",
            "instancectl scale explain",
        ),
        Alert(
            "AutoscalerFlapping", _TICKET, f"changes({_DESIRED}[1h]) > 6", 0,
            "{{ $labels.service }} was scaled {{ $value }} times within an hour",
            "Every change of a process costs time, and jobs wait meanwhile.",
            "instancectl scale explain",
        ),
    )  # fmt: skip
