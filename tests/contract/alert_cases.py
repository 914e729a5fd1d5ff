"""When each alert fires and when it stays silent: time series, and what Prometheus should make of them.

Values are promtool's: `1x5` is six times 1, `0+4x5` is 0, 4, … 20. One value stands for `step`.
"""

from __future__ import annotations

from dataclasses import dataclass

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """What is fed, and how many alerts of the name fire at a moment."""

    what: str
    series: Series
    at: str
    fires: int = 1
    step: str = "1m"


def of(name: str, **labels: str) -> str:
    """A series of the site."""
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in {"site": "s", **labels}.items()) + "}"


def i(name: str, **labels: str) -> str:
    """One of ours."""
    return of(f"instancectl_{name}", **labels)


def q(name: str, queue: str) -> str:
    """Of a queue."""
    return i(f"sidekiq_queue_{name}", queue=queue)


def cause(service: str, values: str) -> Series:
    """The verdict's word, beside one that is well."""
    return {i("cause", service=service): values, i("cause", service="nothing"): "0x600"}


def down(service: str) -> tuple[Case, ...]:
    """Named by the verdict, named for one slice, another one named."""
    return (
        Case("named", cause(service, "0x2 1x20"), "15m"),
        Case("named for a moment", cause(service, "0 1 0x20"), "15m", 0),
        Case("another is named", cause("db", "1x20"), "15m", 0),
    )


def sli(bad: str, slices: str, name: str = "availability") -> Series:
    """Counters of one indicator."""
    return {i("sli_bad_slices_total", sli=name): bad, i("sli_slices_total", sli=name): slices}


def coverage(measured: str, unknown: str, filled: str = "0x72") -> Series:
    """Slices that were measured, those nobody had measured at first, and those of them seen later."""
    return {
        i("sli_slices_total", sli="availability"): measured,
        i("sli_unknown_slices_total", sli="availability"): unknown,
        i("sli_filled_slices_total", sli="availability"): filled,
    }


def pair(name: str, high: str, low: str, at: str, **labels: str) -> tuple[Case, ...]:
    """A gauge on either side of its threshold."""
    return (
        Case("beyond", {i(name, **labels): high}, at),
        Case("within", {i(name, **labels): low}, at, 0),
    )


def queue_latency(high: str, low: str, queue: str) -> tuple[Case, ...]:
    objective = {q("latency_objective_seconds", queue): "60x60"}
    return (
        Case("beyond", {q("latency_seconds", queue): high, **objective}, "20m"),
        Case("within", {q("latency_seconds", queue): low, **objective}, "20m", 0),
        Case("for a moment", {q("latency_seconds", queue): "0x3 900x5 0x30", **objective}, "20m", 0),
    )


def mails(processed: str, failed: str) -> Series:
    return {i("mail_jobs_processed_total"): processed, i("mail_jobs_failed_total"): failed}


def failures(processed: str, failed: str, queue: str = "default") -> Series:
    return {q("jobs_processed_total", queue): processed, q("jobs_failed_total", queue): failed}


def room(free: str, maintenance: str = "0x2000") -> Series:
    """Of a disk of 100 GB."""
    return {
        i("disk_free_bytes", area="docker"): free,
        i("disk_total_bytes", area="docker"): "100e9x2000",
        i("maintenance_running"): maintenance,
    }


def backup(made: str) -> Series:
    """When the newest set was made, nightly."""
    return {i("backup_last_success_timestamp_seconds"): made, i("backup_interval_seconds"): f"{DAY}x120"}


def told(values: str) -> Series:
    """A page that named a cause; it has no series while it does not fire."""
    return {
        of("ALERTS", alertname="WebDown", alertstate="firing", severity="page"): values.replace("0x", "_x")
    }


def scaled(desired: str, replicas: str) -> Series:
    """Of a service that may have four."""
    return {
        i("autoscaler_desired_replicas", service="sidekiq-push"): desired,
        i("autoscaler_replicas", service="sidekiq-push"): replicas,
        i("autoscaler_max_replicas", service="sidekiq-push"): "4x60",
    }


HOUR, DAY = 3600, 86400
PRESSED = {i("autoscaler_pressure_ratio", queue="push"): "2x60"}
NOT_SENT = "alertmanager_notifications_failed_total"
GIGABYTE_PER_HOUR = 4166667  # in 15 s

CASES: dict[str, tuple[Case, ...]] = {
    # ---- uptime
    "WebDown": down("web"),
    "StreamingDown": down("streaming"),
    "EdgeDown": (*down("cache"), Case("proxy", cause("proxy", "1x20"), "15m")),
    "SidekiqDown": (
        Case("nobody beats", {**cause("sidekiq", "1x20"), q("processes", "default"): "0x20"}, "15m"),
        Case("one queue is bare", {**cause("sidekiq", "1x20"), q("processes", "default"): "0x20",
                                   q("processes", "push"): "1x20"}, "15m", 0),
        Case("not yet deployed", {**cause("sidekiq", "0x20"), q("processes", "default"): "0x20"}, "15m", 0),
    ),
    "MediaMissing": down("media"),
    "MailServerDown": (
        Case("for long", cause("mail", "1x30"), "20m"),
        Case("for five minutes", cause("mail", "1x5 0x30"), "20m", 0),
        Case("well", cause("mail", "0x30"), "20m", 0),
    ),
    "PostsNotArriving": (
        Case("for long", {i("canary_success"): "1x3 0x20"}, "10m"),
        Case("once", {i("canary_success"): "1 0 0 1x20"}, "10m", 0),
        Case("they arrive", {i("canary_success"): "1x20"}, "10m", 0),
        Case("the queue is long", {i("canary_success"): "0x20", q("latency_seconds", "default"): "31x20"},
             "10m", 0),
        Case("the queue is short", {i("canary_success"): "0x20", q("latency_seconds", "default"): "2x20"},
             "10m"),
        Case("named", {i("canary_success"): "0x20", **told("0x3 1x5")}, "10m", 0),
    ),
    "ErrorBudgetBurnFast": (
        Case("a total outage", sli("0x60 4+4x10", "0+4x90"), "64m"),
        Case("streaming", sli("0x60 4+4x10", "0+4x90", "streaming"), "64m"),
        Case("three bad slices", sli("0x60 3x10", "0+4x90"), "64m", 0),
        Case("over for a while", sli("0x30 40x40", "0+4x90"), "65m", 0),
        Case("three bad slices of a young history", sli("0 3x10", "0+4x10"), "5m", 0),
        Case("nobody measures", sli("0x90", "0x90"), "64m", 0),
        Case("told, and over", {**sli("0x60 4+4x5 20x20", "0+4x90"), **told("0x61 1x5")}, "68m", 0),
        Case("told long ago", {**sli("0x60 4+4x10", "0+4x90"), **told("0x10 1x5")}, "64m"),
    ),
    "ErrorBudgetBurnSlow": (
        Case("1 %", sli("0+0.04x420", "0+4x420"), "7h"),
        Case("0.5 %", sli("0+0.02x420", "0+4x420"), "7h", 0),
        Case("over for half an hour", sli("0+0.2x380 76x60", "0+4x440"), "7h", 0),
        Case("only in the last half hour", sli("0x400 0.1+0.1x30", "0+4x440"), "7h10m", 0),
        Case("told, and over", {**sli("0x400 4+4x5 24x40", "0+4x460"), **told("0x401 1x6")}, "7h5m", 0),
        Case("not told", sli("0x400 4+4x5 24x40", "0+4x460"), "7h5m"),
    ),
    "ErrorBudgetBurnTicket": (
        Case("0.15 % for three days", sli("0+0.06x450", "0+40x450"), "74h", step="10m"),
        Case("a burst of two hours", sli("0x430 0.16+0.16x20", "0+40x450"), "73h50m", 0, "10m"),
        Case("over for seven hours", sli("0+0.2x400 80x50", "0+40x450"), "74h30m", 0, "10m"),
        Case("0.05 %", sli("0+0.02x450", "0+40x450"), "74h", 0, "10m"),
    ),
    "ErrorBudgetExhausted": (
        Case("0.15 %", sli("0+0.36x72", "0+240x72"), "72h", step="1h"),
        Case("0.05 %", sli("0+0.12x72", "0+240x72"), "72h", 0, "1h"),
    ),
    "SloCoverageLow": (
        Case("5 % unseen", coverage("0+228x72", "0+12x72"), "72h", step="1h"),
        Case("1 % unseen", coverage("0+238x72", "0+2x72"), "72h", 0, "1h"),
        Case("seen from elsewhere", coverage("0+238x72", "0+12x72", "0+10x72"), "72h", 0, "1h"),
    ),
    # ---- jobs
    "QueueLatencyHigh": queue_latency("61x60", "60x60", "pull"),
    "QueueLatencyCritical": (
        *queue_latency("361x60", "360x60", "default"),
        Case("nobody waits for pull", {q("latency_seconds", "pull"): "9000x60",
                                       q("latency_objective_seconds", "pull"): "60x60"}, "20m", 0),
    ),
    "QueueStuck": (
        Case("as fast as time", {q("latency_seconds", "push"): "0+60x30", q("jobs", "push"): "9x30"}, "20m"),
        Case("slowly worked off", {q("latency_seconds", "push"): "0+50x30", q("jobs", "push"): "9x30"},
             "20m", 0),
        Case("emptied", {q("latency_seconds", "push"): "0+60x30", q("jobs", "push"): "0x30"}, "20m", 0),
        Case("not for long", {q("latency_seconds", "push"): "0x18 0+60x9", q("jobs", "push"): "9x30"},
             "21m", 0),
    ),
    "QueueUnattended": (
        Case("bare", {q("processes", "push"): "1x3 0x20"}, "15m"),
        Case("two bare", {q("processes", "push"): "0x20", q("processes", "pull"): "0x20"}, "15m", 2),
        Case("served", {q("processes", "push"): "1x20"}, "15m", 0),
        Case("the scheduler has its own", {q("processes", "scheduler"): "0x20"}, "15m", 0),
        Case("a restart", {q("processes", "push"): "1x3 0x3 1x20"}, "15m", 0),
    ),
    "SchedulerMissing": (
        Case("bare", {q("processes", "scheduler"): "0x20"}, "15m"),
        Case("served", {q("processes", "scheduler"): "1x20"}, "15m", 0),
        Case("another queue is bare", {q("processes", "push"): "0x20"}, "15m", 0),
    ),
    "SchedulerDuplicated": (
        Case("two", {q("processes", "scheduler"): "2x30"}, "20m"),
        Case("one", {q("processes", "scheduler"): "1x30"}, "20m", 0),
        Case("two during an update", {q("processes", "scheduler"): "1x3 2x5 1x30"}, "20m", 0),
    ),
    "ScheduledTaskOverdue": (
        Case("stuck", {i("sidekiq_cron_last_enqueue_timestamp_seconds", cron="a"): "0x60",
                       i("sidekiq_cron_interval_seconds", cron="a"): "60x60"}, "30m"),
        Case("moves", {i("sidekiq_cron_last_enqueue_timestamp_seconds", cron="a"): "0+60x60",
                       i("sidekiq_cron_interval_seconds", cron="a"): "60x60"}, "30m", 0),
        Case("daily", {i("sidekiq_cron_last_enqueue_timestamp_seconds", cron="a"): "0x60",
                       i("sidekiq_cron_interval_seconds", cron="a"): "86400x60"}, "30m", 0),
    ),
    "RetryPollerLate": (
        *pair("sidekiq_set_overdue_seconds", "301x30", "299x30", "20m", set="retry"),
        Case("what was planned", {i("sidekiq_set_overdue_seconds", set="schedule"): "301x30"}, "20m"),
    ),
    "JobFailureRatioHigh": (
        Case("a third fails", failures("0+9x60", "0+3x60"), "60m"),
        Case("a tenth fails", failures("0+10x60", "0+1x60"), "60m", 0),
        Case("too few to tell", failures("0+1x60", "0+1x60"), "60m", 0),
        Case("remote servers fail", failures("0+9x60", "0+9x60", "push"), "60m", 0),
    ),
    "DeadJobsGrowing": (
        *pair("sidekiq_set_jobs", "0+3x120", "0+1x120", "2h", set="dead"),
        Case("retries", {i("sidekiq_set_jobs", set="retry"): "0+30x120"}, "2h", 0),
    ),
    "SidekiqRedisSlow": pair(
        "sidekiq_process_redis_round_trip_seconds", "0.02x30", "0.005x30", "20m", process="a"
    ),
    "MailersStuck": (
        Case("too old", {q("latency_seconds", "mailers"): "700x30", q("jobs", "mailers"): "0x30",
                         **mails("0+1x30", "0x30")}, "20m"),
        Case("none leaves", {q("latency_seconds", "mailers"): "60x60", q("jobs", "mailers"): "3x60",
                             **mails("5x60", "0x60")}, "50m"),
        Case("they leave", {q("latency_seconds", "mailers"): "60x60", q("jobs", "mailers"): "3x60",
                            **mails("0+2x60", "0x60")}, "50m", 0),
        Case("nobody waits", {q("latency_seconds", "mailers"): "0x60", q("jobs", "mailers"): "0x60",
                              **mails("5x60", "0x60")}, "50m", 0),
    ),
    "MailDeliveryFailing": (
        Case("half fails", mails("0+1x90", "0+0.5x90"), "80m"),
        Case("a tenth fails", mails("0+1x90", "0+0.1x90"), "80m", 0),
        Case("too few to tell", mails("0x30 3x60", "0x30 3x60"), "60m", 0),
    ),
    "SignupConfirmationsLow": (
        Case("four of five", {i("signups_last_day", state="unconfirmed"): "16x120",
                              i("signups_last_day", state="confirmed"): "4x120"}, "90m"),
        Case("half", {i("signups_last_day", state="unconfirmed"): "10x120",
                      i("signups_last_day", state="confirmed"): "10x120"}, "90m", 0),
        Case("too few to tell", {i("signups_last_day", state="unconfirmed"): "4x120",
                                 i("signups_last_day", state="confirmed"): "0x120"}, "90m", 0),
    ),
    # ---- stores
    "DatabaseDown": (
        *pair("db_up", "1x2 0x10", "1x20", "8m"),
        Case("a moment", {i("db_up"): "1 0 1x20"}, "8m", 0),
    ),
    "DatabaseConnectionsHigh": (
        Case("90 of 100", {i("db_connections"): "90x30", i("db_max_connections"): "100x30"}, "20m"),
        Case("80 of 100", {i("db_connections"): "80x30", i("db_max_connections"): "100x30"}, "20m", 0),
    ),
    "TransactionTooLong": pair("db_longest_transaction_seconds", "14401x30", "14399x30", "20m"),
    "ReplicationLagHigh": pair("db_replication_lag_seconds", "61x30", "59x30", "20m", replica="a"),
    "AutovacuumBehind": (
        Case("large", {i("db_table_dead_tuples_ratio", table="statuses"): "0.4x50",
                       i("db_table_size_bytes", table="statuses"): "2e8x50"}, "8h", step="10m"),
        Case("small", {i("db_table_dead_tuples_ratio", table="statuses"): "0.4x50",
                       i("db_table_size_bytes", table="statuses"): "2e7x50"}, "8h", 0, "10m"),
        Case("clean", {i("db_table_dead_tuples_ratio", table="statuses"): "0.2x50",
                       i("db_table_size_bytes", table="statuses"): "2e8x50"}, "8h", 0, "10m"),
    ),
    "RedisNotWritable": (
        Case("down", {i("redis_up"): "0x10"}, "8m"),
        Case("takes no writes", {i("redis_up"): "1x10", i("redis_writable"): "0x10"}, "8m"),
        Case("well", {i("redis_up"): "1x10", i("redis_writable"): "1x10"}, "8m", 0),
    ),
    "RedisMemoryHigh": (
        Case("90 %", {i("redis_memory_used_bytes"): "90x30", i("redis_memory_limit_bytes"): "100x30"}, "20m"),
        Case("80 %", {i("redis_memory_used_bytes"): "80x30", i("redis_memory_limit_bytes"): "100x30"},
             "20m", 0),
        Case("no limit", {i("redis_memory_used_bytes"): "80x30", i("redis_memory_limit_bytes"): "0x30"},
             "20m", 0),
    ),
    "DiskAlmostFull": (
        Case("4 %", room("4e9x30"), "10m"),
        Case("6 %", room("6e9x30"), "10m", 0),
        Case("for a moment", room("6e9x3 4e9x2 6e9x30"), "10m", 0),
    ),
    "DiskWillFill": (
        Case("1 GB/h, 20 GB left", room(f"20e9-{GIGABYTE_PER_HOUR}x1300"), "5h", step="15s"),
        Case("much is left", room(f"60e9-{4 * GIGABYTE_PER_HOUR}x1300"), "5h", 0, "15s"),
        Case("slowly", room(f"20e9-{GIGABYTE_PER_HOUR // 10}x1300"), "5h", 0, "15s"),
        Case("a young history", room(f"20e9-{GIGABYTE_PER_HOUR}x1300"), "2h30m", 0, "15s"),
    ),
    "DiskFillingFast": (
        Case("20 GB/h, 30 GB left", room(f"30e9-{20 * GIGABYTE_PER_HOUR}x200"), "45m", step="15s"),
        Case("a backup runs", room(f"30e9-{20 * GIGABYTE_PER_HOUR}x200", "1x200"), "45m", 0, "15s"),
        Case("slowly", room(f"30e9-{GIGABYTE_PER_HOUR}x200"), "45m", 0, "15s"),
        Case("a young history", room(f"30e9-{20 * GIGABYTE_PER_HOUR}x200"), "24m", 0, "15s"),
    ),
    "CertificateExpiring": pair(
        "probe_tls_not_after_timestamp_seconds", f"{13 * DAY}x120", f"{15 * DAY}x120", "90m", host="a"
    ),
    "CertificateExpiringSoon": pair(
        "probe_tls_not_after_timestamp_seconds", f"{2 * DAY}x120", f"{4 * DAY}x120", "90m", host="a"
    ),
    "SecurityUpdateAvailable": (
        *pair("update_available", "1x120", "0x120", "90m", type="patch", urgent="true"),
        Case("not urgent", {i("update_available", type="patch", urgent="false"): "1x120"}, "90m", 0),
    ),
    "VersionUnsupported": pair(
        "version_end_of_support_timestamp_seconds", f"{13 * DAY}x120", f"{15 * DAY}x120", "90m"
    ),
    "ContainerRestarting": pair("container_restarts_total", "0 1 2 3x20", "0 1 2x20", "10m", service="web"),
    # ---- upkeep
    "BackupTooOld": (
        Case("three days", backup("1x120"), "72h", step="1h"),
        Case("last night", backup(f"1+{HOUR}x120"), "72h", 0, "1h"),
        Case("never", backup("0x120"), "72h", 0, "1h"),
    ),
    "BackupMissing": (
        Case("four days", backup("1x120"), "96h", step="1h"),
        Case("two days", backup("1x120"), "48h", 0, "1h"),
        Case("never", backup("0x120"), "96h", 0, "1h"),
    ),
    "BackupNeverMade": (
        Case("for two days", backup("0x60"), "48h", step="1h"),
        Case("since today", backup("0x60"), "20h", 0, "1h"),
        Case("made", backup("1x60"), "48h", 0, "1h"),
    ),
    "BackupShrank": (
        *pair("backup_last_size_bytes", "100x60 40x60", "100x60 60x60", "100m"),
        Case("grown", {i("backup_last_size_bytes"): "100x60 300x60"}, "110m", 0),
    ),
    "BackupVerifyFailing": pair("backup_verify_success", "0x30", "1x30", "20m"),
    "RestoreDrillOverdue": (
        Case("36 days", {i("restore_drill_last_success_timestamp_seconds"): "0x900"}, "36d", step="1h"),
        Case("34 days", {i("restore_drill_last_success_timestamp_seconds"): "0x900"}, "34d", 0, "1h"),
    ),
    "AutoscalerNotConverging": (
        Case("too few", scaled("3x30", "2x30"), "20m"),
        Case("as ordered", scaled("3x30", "3x30"), "20m", 0),
        Case("soon", scaled("2x5 3x30", "2x8 3x30"), "20m", 0),
    ),
    "AutoscalerSaturated": (
        Case("full and late", {**scaled("4x60", "4x60"), **PRESSED}, "50m"),
        Case("late", {**scaled("3x60", "3x60"), **PRESSED}, "50m", 0),
        Case("full", {**scaled("4x60", "4x60"), i("autoscaler_pressure_ratio", queue="push"): "0.5x60"},
             "50m", 0),
    ),
    "AutoscalerFlapping": (
        Case("up and down", scaled("1 2 1 2 1 2 1 2x30", "2x30"), "20m"),
        Case("a surge", scaled("1 2 3 4 3 2 1x30", "2x30"), "20m", 0),
    ),
    # ---- alerting
    "Watchdog": (Case("always", {}, "1m"),),
    "ExporterDown": (
        Case("does not answer", {of("up", job="instancectl"): "1x3 0x20"}, "15m"),
        Case("is not asked", {of("up", job="other"): "1x20"}, "15m"),
        Case("answers", {of("up", job="instancectl"): "1x20"}, "15m", 0),
    ),
    "CollectorFailing": (
        *pair("collector_success", "0x30", "1x30", "20m", collector="redis"),
        Case("two", {i("collector_success", collector="redis"): "0x30",
                     i("collector_success", collector="disk"): "0x30"}, "20m", 2),
    ),
    "ProbesStalled": (
        Case("hangs", {i("sli_slices_total", sli="availability"): "0+4x10 40x30"}, "35m"),
        Case("never began", {i("sli_slices_total", sli="web"): "0+4x30"}, "15m"),
        Case("works", {i("sli_slices_total", sli="availability"): "0+4x40"}, "35m", 0),
    ),
    "AlertDeliveryFailing": (
        Case("Alertmanager", {of(NOT_SENT, integration="webhook"): "0 1x20"}, "12m"),
        Case("a receiver", {i("alert_failures_total", receiver="ntfy"): "0 1x20"}, "12m"),
        Case("given up", {i("alert_dropped_total", receiver="ntfy"): "0 1x20"}, "12m"),
        Case("well", {of(NOT_SENT, integration="webhook"): "3x20",
                      i("alert_failures_total", receiver="ntfy"): "3x20",
                      i("alert_dropped_total", receiver="ntfy"): "3x20"}, "12m", 0),
    ),
    "RuleEvaluationFailing": (
        Case("fails", {of("prometheus_rule_evaluation_failures_total", rule_group="g"): "0+1x20"}, "12m"),
        Case("well", {of("prometheus_rule_evaluation_failures_total", rule_group="g"): "3x20"}, "12m", 0),
    ),
}  # fmt: skip
