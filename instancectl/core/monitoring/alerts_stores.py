"""Alerts on PostgreSQL, Redis, disks, certificates, containers and releases."""

from __future__ import annotations

from instancectl.core.config import InstanceConfig
from instancectl.core.config_alerts import Thresholds
from instancectl.core.monitoring.alert import DAY, HOUR, MINUTE, Alert, Severity

_PAGE, _TICKET = Severity.PAGE, Severity.TICKET

INTERNAL_HOURS = 3
"""Certificates of the proxy's own CA live for twelve hours and are renewed four hours before they end."""

SCRAPES_OF_HALF_AN_HOUR = 100
SCRAPES_OF_THREE_HOURS = 700
"""A trend over less history is noise: at 15 s, 120 and 720 would be complete."""


def store_alerts(config: InstanceConfig) -> tuple[Alert, ...]:
    """Of what the instance stands on."""
    limits = config.alerts.thresholds
    return (
        *_database(limits),
        *_redis(limits),
        *_disks(limits),
        *_certificates(config),
        *_releases(),
        Alert(
            "ContainerRestarting", _PAGE, "increase(instancectl_container_restarts_total[15m]) > 2.5", 0,
            "{{ $labels.service }} was restarted {{ $value | humanize }} times within 15 minutes",
            "It fails again and again; out of memory, or a bad setting.",
            "instancectl status", ("DiskAlmostFull",), planned=True,
        ),
    )  # fmt: skip


def _database(limits: Thresholds) -> tuple[Alert, ...]:
    down = ("DatabaseDown",)
    return (
        Alert(
            "DatabaseDown", _PAGE, "instancectl_db_up == 0", MINUTE,
            "PostgreSQL does not answer",
            "Nothing works but what the cache still holds.",
            "instancectl logs db", ("DiskAlmostFull",), planned=True,
        ),
        Alert(
            "DatabaseConnectionsHigh", _TICKET,
            "instancectl_db_connections / instancectl_db_max_connections"
            f" > {limits.database_connections_percent / 100:g}",
            10 * MINUTE,
            "{{ $value | humanizePercentage }} of PostgreSQL's connections are taken",
            "At the limit, requests and jobs fail at once.",
            "instancectl config explain", down,
        ),
        Alert(
            # A dump is one transaction, too: the limit is above the hours that a large one takes.
            "TransactionTooLong", _TICKET,
            f"instancectl_db_longest_transaction_seconds > {limits.transaction_hours * HOUR}", 10 * MINUTE,
            "a transaction of PostgreSQL has been open for {{ $value | humanizeDuration }}",
            "Rows that were changed since cannot be cleaned up: tables grow, queries slow down.",
            "instancectl logs db", down,
        ),
        Alert(
            "ReplicationLagHigh", _TICKET,
            f"instancectl_db_replication_lag_seconds > {limits.replication_lag_seconds}", 10 * MINUTE,
            "the standby {{ $labels.replica }} is {{ $value | humanizeDuration }} behind",
            "After a failover, that much would be missing.",
            "instancectl logs db", down,
        ),
        Alert(
            "AutovacuumBehind", _TICKET,
            # A small table is mostly dead rows between two runs, and that is fine.
            "instancectl_db_table_dead_tuples_ratio > 0.3 and instancectl_db_table_size_bytes > 1e8",
            6 * HOUR,
            "{{ $value | humanizePercentage }} of the rows of {{ $labels.table }} are dead",
            "The table grows and its queries slow down.",
            "instancectl logs db", down,
        ),
    )  # fmt: skip


def _redis(limits: Thresholds) -> tuple[Alert, ...]:
    used, most = "instancectl_redis_memory_used_bytes", "instancectl_redis_memory_limit_bytes"
    return (
        Alert(
            "RedisNotWritable", _PAGE, "instancectl_redis_up == 0 or instancectl_redis_writable == 0", MINUTE,
            "Redis does not answer, or takes no writes",
            "Nobody can post, nothing is delivered, timelines stand still.",
            "instancectl logs redis", ("DiskAlmostFull",), planned=True,
        ),
        Alert(
            "RedisMemoryHigh", _TICKET,
            f"{used} / ({most} > 0) > {limits.redis_memory_percent / 100:g}", 15 * MINUTE,
            "Redis uses {{ $value | humanizePercentage }} of its memory",
            "At the limit it takes no writes: nobody can post any more.",
            "instancectl metrics", ("RedisNotWritable",),
        ),
    )  # fmt: skip


def _disks(limits: Thresholds) -> tuple[Alert, ...]:
    free, share = "instancectl_disk_free_bytes", "instancectl_disk_free_bytes / instancectl_disk_total_bytes"
    seconds = limits.disk_full_hours * HOUR
    return (
        Alert(
            "DiskAlmostFull", _PAGE, f"{share} < {limits.disk_free_percent / 100:g}", 5 * MINUTE,
            "{{ $value | humanizePercentage }} of the disk of {{ $labels.area }} is left",
            "PostgreSQL and Redis stop taking writes when nothing is left.",
            "df -h",
        ),
        Alert(
            "DiskWillFill", _PAGE,
            f"predict_linear({free}[6h], {seconds}) < 0\nand {share} < 0.25\n"
            f"and count_over_time({free}[6h]) > {SCRAPES_OF_THREE_HOURS}",
            HOUR,
            f"the disk of {{{{ $labels.area }}}} is full within {limits.disk_full_hours} hours"
            " if it goes on like this",
            "PostgreSQL and Redis stop taking writes when nothing is left.",
            "df -h", (), ("DiskAlmostFull", "DiskFillingFast"), "area",
        ),
        Alert(
            "DiskFillingFast", _PAGE,
            f"predict_linear({free}[30m], {3 * HOUR}) < 0\n"
            f"and count_over_time({free}[30m]) > {SCRAPES_OF_HALF_AN_HOUR}\n"
            "unless on (site) instancectl_maintenance_running == 1",
            10 * MINUTE,
            "the disk of {{ $labels.area }} is full within 3 hours if it goes on like this",
            "PostgreSQL and Redis stop taking writes when nothing is left.",
            "df -h", (), ("DiskAlmostFull",), "area",
        ),
    )  # fmt: skip


def _certificates(config: InstanceConfig) -> tuple[Alert, ...]:
    internal = config.tls.mode == "internal"
    ticket = INTERNAL_HOURS * HOUR if internal else config.alerts.thresholds.certificate_days * DAY
    remaining = "instancectl_probe_tls_not_after_timestamp_seconds - time()"
    late, soon = (30 * MINUTE, 10 * MINUTE) if internal else (HOUR, 10 * MINUTE)
    return (
        Alert(
            "CertificateExpiring", _TICKET, f"{remaining} < {ticket}", late,
            "the certificate of {{ $labels.host }} ends in {{ $value | humanizeDuration }}, not renewed yet",
            "Once it has ended, browsers and other servers refuse to talk to the instance.",
            "instancectl logs proxy", (), ("CertificateExpiringSoon",), "host",
        ),
        Alert(
            "CertificateExpiringSoon", _PAGE, f"{remaining} < {ticket // 5}", soon,
            "the certificate of {{ $labels.host }} ends in {{ $value | humanizeDuration }}",
            "Then browsers and other servers refuse to talk to the instance.",
            "instancectl logs proxy",
        ),
    )  # fmt: skip


def _releases() -> tuple[Alert, ...]:
    return (
        Alert(
            "SecurityUpdateAvailable", _TICKET, 'instancectl_update_available{urgent="true"} == 1', HOUR,
            "Mastodon has an urgent {{ $labels.type }} release",
            "A known hole is open until it is installed.",
            "instancectl check",
        ),
        Alert(
            "VersionUnsupported", _TICKET,
            f"instancectl_version_end_of_support_timestamp_seconds - time() < {14 * DAY}", HOUR,
            "this release of Mastodon gets no security fixes in {{ $value | humanizeDuration }}",
            "Holes found after that stay open.",
            "instancectl check",
        ),
    )  # fmt: skip
