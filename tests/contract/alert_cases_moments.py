"""Cases of alerts on locks of backups, and on points in time."""

from __future__ import annotations

from tests.contract.alert_cases import HOUR, Case, i, pair

LOCK = i("backup_lock_end_timestamp_seconds")

CASES: dict[str, tuple[Case, ...]] = {
    "BackupLockEnding": (  # of three days: half is left after each night, that is 36 hours
        Case("a night was missed", {LOCK: f"{36 * HOUR}x60"}, "33h", step="1h"),
        Case("last night", {LOCK: f"{36 * HOUR}x60"}, "29h", 0, "1h"),
        Case("extended", {LOCK: f"{36 * HOUR}x24 {60 * HOUR}x60"}, "50h", 0, "1h"),
        Case("nothing is locked", {i("backup_copies"): "1x60"}, "50h", 0, "1h"),
    ),
    "PointInTimeStopped": (
        Case("for long", {i("backup_wal_sent_timestamp_seconds"): "1x60"}, "20m"),
        Case(
            "for a moment", {i("backup_wal_sent_timestamp_seconds"): "1+60x20 1200x12 2040+60x60"}, "36m", 0
        ),
        Case("every minute", {i("backup_wal_sent_timestamp_seconds"): "1+60x60"}, "50m", 0),
        Case("never", {i("backup_wal_sent_timestamp_seconds"): "0x60"}, "50m", 0),
    ),
    "PointInTimeFallingBehind": (
        *pair("backup_wal_lag_bytes", "2.2e9x60", "2.1e9x60", "20m"),
        Case("for a moment", {i("backup_wal_lag_bytes"): "0x5 4e9x5 0x60"}, "20m", 0),
    ),
    "PointInTimeSlotLost": pair("backup_wal_slot_held", "0x30", "1x30", "10m"),
    "PointInTimeBroken": (
        *pair("backup_wal_unbroken", "0x60", "1x60", "40m"),
        Case("while a base is made", {i("backup_wal_unbroken"): "1x10 0x10 1x60"}, "45m", 0),
    ),
    "PointInTimeBaseMissing": pair("backup_base_success", "0x60", "1x60", "40m"),
}
