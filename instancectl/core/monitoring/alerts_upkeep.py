"""Alerts on backups, drills and scaling; where these are not set up there are no metrics and no alerts."""

from __future__ import annotations

from instancectl.core.backup.object_lock import LEAST_DAYS
from instancectl.core.backup.wal_figures import LATE_SECONDS
from instancectl.core.config import InstanceConfig
from instancectl.core.config_backup import Backup
from instancectl.core.monitoring.alert import DAY, HOUR, MINUTE, Alert, Severity
from instancectl.core.units import MIB

_PAGE, _TICKET = Severity.PAGE, Severity.TICKET
_MADE = "instancectl_backup_last_success_timestamp_seconds"
_SIZE = "instancectl_backup_last_size_bytes"
_DESIRED = "instancectl_autoscaler_desired_replicas"

_WAL = "instancectl_backup_wal_"

MISSED_SECONDS = 30 * HOUR
"""Locks are extended once a night; after so long a night was missed."""

DRILL_DAYS = 35
"""A month, and some days to get around to it."""


def upkeep_alerts(config: InstanceConfig) -> tuple[Alert, ...]:
    """Of what runs by itself at night, or should."""
    return (*_backups(), _locks(config.backup), *_moments(config.backup), *_scaling())


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


def _locks(backup: Backup) -> Alert:
    """Looks at what half a lock leaves: the nightly look extends whatever has less."""
    days = [one.lock_days for one in (backup.destination, backup.second) if one.lock_days]
    left = min(days, default=LEAST_DAYS) * DAY // 2 - MISSED_SECONDS
    return Alert(
        "BackupLockEnding", _TICKET, f"instancectl_backup_lock_end_timestamp_seconds - time() < {left}",
        15 * MINUTE,
        "locks of backup sets were not extended; the first may end in {{ $value | humanizeDuration }}",
        "After that, whoever has the keys of the bucket can remove the sets.",
        "instancectl backup expire",
    )  # fmt: skip


def _moments(backup: Backup) -> tuple[Alert, ...]:
    """Of points in time; without `backup.point_in_time` there are no such metrics."""
    lost = ("PointInTimeSlotLost",)
    return (
        Alert(
            "PointInTimeStopped", _TICKET,
            f"time() - ({_WAL}sent_timestamp_seconds > 0) > {LATE_SECONDS}", 5 * MINUTE,
            "no WAL was sent away for {{ $value | humanizeDuration }}",
            "A loss now would cost as much, instead of a minute.",
            "instancectl check --only point-in-time", ("DatabaseDown",),
        ),
        Alert(
            "PointInTimeFallingBehind", _TICKET,
            f"{_WAL}lag_bytes > {backup.wal_keep_mib * MIB // 2}", 10 * MINUTE,
            "PostgreSQL keeps {{ $value | humanize1024 }}B of WAL that nobody takes",
            f"At {backup.wal_keep_mib} MiB it lets go of it, and moments are missing.",
            "instancectl logs wal", lost,
        ),
        Alert(
            "PointInTimeSlotLost", _TICKET, f"{_WAL}slot_held == 0", 5 * MINUTE,
            "PostgreSQL keeps no WAL for the receiver any more",
            "Moments from now on cannot be restored until there is a new base.",
            "instancectl logs wal", ("DatabaseDown",),
        ),
        Alert(
            "PointInTimeBroken", _TICKET, f"{_WAL}unbroken == 0", 30 * MINUTE,
            "WAL is missing since the newest base, or there is no base",
            "Moments after the gap cannot be restored; those before it can.",
            "instancectl backup create", lost,
        ),
        Alert(
            "PointInTimeBaseMissing", _TICKET, "instancectl_backup_base_success == 0", 30 * MINUTE,
            "the last backup set has no base",
            "Moments begin with an earlier one, and end when that expires.",
            "instancectl backup create", ("PointInTimeBroken",),
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
