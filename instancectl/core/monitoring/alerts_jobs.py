"""Alerts on queues, the scheduler and mail."""

from __future__ import annotations

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alert import HOUR, MINUTE, Alert, Severity

_PAGE, _TICKET = Severity.PAGE, Severity.TICKET

_SILENCED = ("DatabaseDown", "RedisNotWritable", "DiskAlmostFull", "SidekiqDown")
"""While one of these fires no queue moves."""

_LATENCY = "instancectl_sidekiq_queue_latency_seconds"
_OBJECTIVE = "instancectl_sidekiq_queue_latency_objective_seconds"
_JOBS = "instancectl_sidekiq_queue_jobs"
_PROCESSES = "instancectl_sidekiq_queue_processes"


def job_alerts(config: InstanceConfig) -> tuple[Alert, ...]:
    """Of everything that Sidekiq works on."""
    limits = config.alerts.thresholds
    return (
        *_queues(),
        *_scheduler(),
        *_failures(limits.job_failure_percent, limits.dead_jobs_per_hour),
        *_mail(limits.mail_failure_percent),
    )


def _queues() -> tuple[Alert, ...]:
    return (
        Alert(
            "QueueLatencyHigh", _TICKET, f"{_LATENCY} > {_OBJECTIVE}", 10 * MINUTE,
            "the oldest job of {{ $labels.queue }} has waited {{ $value | humanizeDuration }}, "
            "longer than its objective",
            "What {{ $labels.queue }} carries arrives late.",
            "instancectl status",
            _SILENCED, ("QueueLatencyCritical", "QueueUnattended", "QueueStuck"), "queue",
        ),
        Alert(
            "QueueLatencyCritical", _PAGE,
            f'{_LATENCY}{{queue=~"default|ingress|push|mailers"}} > 6 * {_OBJECTIVE}', 10 * MINUTE,
            "the oldest job of {{ $labels.queue }} has waited {{ $value | humanizeDuration }}, "
            "six times its objective",
            "People notice that {{ $labels.queue }} is far behind: posts, deliveries or mails are missing.",
            "instancectl status",
            _SILENCED, ("QueueUnattended", "QueueStuck"), "queue",
        ),
        Alert(
            "QueueStuck", _PAGE,
            f"{_LATENCY} > 120\nand deriv({_LATENCY}[10m]) > 0.95\nand {_JOBS} > 0", 2 * MINUTE,
            "nobody takes jobs from {{ $labels.queue }}: its oldest one waits as fast as time goes by",
            "Nothing that {{ $labels.queue }} carries happens any more.",
            "instancectl logs sidekiq",
            _SILENCED, ("QueueUnattended",), "queue",
        ),
        Alert(
            "QueueUnattended", _PAGE, f'{_PROCESSES}{{queue!="scheduler"}} == 0', 5 * MINUTE,
            "no process works on {{ $labels.queue }}",
            "Nothing that {{ $labels.queue }} carries happens any more.",
            "instancectl status", _SILENCED, planned=True,
        ),
        Alert(
            "RetryPollerLate", _TICKET,
            'instancectl_sidekiq_set_overdue_seconds{set=~"retry|schedule"} > 300', 10 * MINUTE,
            "jobs of the set {{ $labels.set }} are {{ $value | humanizeDuration }} overdue",
            "Failed deliveries are not tried again, and what was planned does not happen.",
            "instancectl logs sidekiq", _SILENCED,
        ),
        Alert(
            "SidekiqRedisSlow", _TICKET,
            "max by (site) (instancectl_sidekiq_process_redis_round_trip_seconds) > 0.01", 15 * MINUTE,
            "Redis takes {{ $value | humanizeDuration }} to answer Sidekiq",
            "Every job takes longer than it has to.",
            "instancectl logs redis", ("RedisNotWritable",),
        ),
    )  # fmt: skip


def _scheduler() -> tuple[Alert, ...]:
    scheduler = f'{_PROCESSES}{{queue="scheduler"}}'
    return (
        Alert(
            "SchedulerMissing", _PAGE, f"{scheduler} == 0", 5 * MINUTE,
            "no process works on scheduler",
            "Scheduled posts do not appear, trends stand still, and nothing old is cleaned up.",
            "instancectl logs sidekiq", _SILENCED, planned=True,
        ),
        Alert(
            "SchedulerDuplicated", _TICKET, f"{scheduler} > 1", 15 * MINUTE,
            "{{ $value }} processes work on scheduler",
            "Periodic jobs run twice.",
            "instancectl status",
        ),
        Alert(
            "ScheduledTaskOverdue", _TICKET,
            "time() - instancectl_sidekiq_cron_last_enqueue_timestamp_seconds"
            " > 3 * instancectl_sidekiq_cron_interval_seconds + 300",
            10 * MINUTE,
            "the periodic job {{ $labels.cron }} was last queued {{ $value | humanizeDuration }} ago",
            "Its work is not done; often a lock that nobody gave back.",
            "instancectl logs sidekiq", (*_SILENCED, "SchedulerMissing"),
        ),
    )  # fmt: skip


def _failures(percent: int, dead: int) -> tuple[Alert, ...]:
    queues = '{queue=~"default|ingress|scheduler"}'
    failed = f"increase(instancectl_sidekiq_queue_jobs_failed_total{queues}[30m])"
    done = f"increase(instancectl_sidekiq_queue_jobs_processed_total{queues}[30m])"
    return (
        Alert(
            # `push` and `pull` talk to other people's servers: failing is their daily life.
            "JobFailureRatioHigh", _TICKET, f"{failed} / {done} > {percent / 100:g}\nand {done} > 50",
            15 * MINUTE,
            "{{ $value | humanizePercentage }} of the attempts of {{ $labels.queue }} fail",
            "What these jobs should do is late, or never happens.",
            "instancectl logs sidekiq", _SILENCED,
        ),
        Alert(
            "DeadJobsGrowing", _TICKET, f'delta(instancectl_sidekiq_set_jobs{{set="dead"}}[1h]) > {dead}',
            15 * MINUTE,
            "{{ $value | humanize }} jobs were given up within an hour",
            "Their work is not done unless somebody retries them.",
            "instancectl logs sidekiq", _SILENCED,
        ),
    )  # fmt: skip


def _mail(percent: int) -> tuple[Alert, ...]:
    mailers = '{queue="mailers"}'
    done, failed = (f"increase(instancectl_mail_jobs_{what}_total[1h])" for what in ("processed", "failed"))
    signups = "sum by (site) (instancectl_signups_last_day)"
    return (
        Alert(
            "MailersStuck", _PAGE,
            f"{_LATENCY}{mailers} > 600\nor (min_over_time({_JOBS}{mailers}[10m]) > 0"
            " and on (site) increase(instancectl_mail_jobs_processed_total[20m]) == 0)",
            5 * MINUTE,
            "mails wait and none leaves",
            "Nobody can confirm a sign-up or reset a password.",
            "instancectl check", (*_SILENCED, "MailServerDown"),
        ),
        Alert(
            "MailDeliveryFailing", _PAGE, f"{failed} / {done} > {percent / 100:g}\nand {done} > 4",
            10 * MINUTE,
            "{{ $value | humanizePercentage }} of the attempts to send a mail failed within an hour",
            "Confirmations and password resets do not arrive.",
            "instancectl check", (*_SILENCED, "MailServerDown"),
        ),
        Alert(
            "SignupConfirmationsLow", _TICKET,
            f'instancectl_signups_last_day{{state="unconfirmed"}} / on (site) group_left () {signups} > 0.7\n'
            f"and on (site) {signups} > 9",
            HOUR,
            "{{ $value | humanizePercentage }} of yesterday's sign-ups were never confirmed",
            "Mails end in spam folders, or machines sign up.",
            "instancectl check", (*_SILENCED, "MailServerDown", "MailDeliveryFailing", "MailersStuck"),
        ),
    )  # fmt: skip
