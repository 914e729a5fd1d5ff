"""Metrics of Sidekiq, read from Redis at every scrape."""

from __future__ import annotations

from instancectl.core.monitoring.metric import Kind, Metric

_G, _C = Kind.GAUGE, Kind.COUNTER
_Q, _P = ("queue",), ("process",)

QUEUE_JOBS = Metric("instancectl_sidekiq_queue_jobs", _G, "Jobs waiting in the queue.", _Q)
QUEUE_LATENCY = Metric(
    "instancectl_sidekiq_queue_latency_seconds",
    _G,
    "Age of the oldest waiting job, 0 when there is none.",
    _Q,
)
QUEUE_OBJECTIVE = Metric(
    "instancectl_sidekiq_queue_latency_objective_seconds", _G, "How long a job of the queue may wait.", _Q
)
QUEUE_PROCESSES = Metric(
    "instancectl_sidekiq_queue_processes", _G, "Live processes that take jobs from the queue.", _Q
)
QUEUE_THREADS = Metric("instancectl_sidekiq_queue_threads", _G, "Threads that can work on the queue.", _Q)
QUEUE_BUSY = Metric(
    "instancectl_sidekiq_queue_busy_threads",
    _G,
    "Threads at work on the queue; no series while more than 500 threads are busy.",
    _Q,
)
QUEUE_OLDEST_RUN = Metric(
    "instancectl_sidekiq_queue_oldest_running_job_seconds",
    _G,
    "How long the longest running job of the queue has run; no series while more than 500 threads are busy.",
    _Q,
)
QUEUE_PROCESSED = Metric(
    "instancectl_sidekiq_queue_jobs_processed_total",
    _C,
    "Attempts since the agent started, from Sidekiq's closed minutes; queue by job class.",
    _Q,
)
QUEUE_FAILED = Metric(
    "instancectl_sidekiq_queue_jobs_failed_total",
    _C,
    "Failed attempts since the agent started, from Sidekiq's closed minutes; queue by job class.",
    _Q,
)
QUEUE_EXECUTION = Metric(
    "instancectl_sidekiq_queue_execution_seconds_total",
    _C,
    "Time spent on jobs that succeeded since the agent started; queue by job class.",
    _Q,
)
JOBS_PROCESSED = Metric(
    "instancectl_sidekiq_jobs_processed_total", _C, "Attempts of all jobs, failed ones included, ever."
)
JOBS_FAILED = Metric("instancectl_sidekiq_jobs_failed_total", _C, "Failed attempts of all jobs, ever.")
SET_JOBS = Metric(
    "instancectl_sidekiq_set_jobs", _G, "Jobs waiting for a retry, for their time, or given up.", ("set",)
)
SET_OVERDUE = Metric(
    "instancectl_sidekiq_set_overdue_seconds", _G, "How late the first due job of the set is.", ("set",)
)
PROCESS_THREADS = Metric("instancectl_sidekiq_process_threads", _G, "Threads of the process.", _P)
PROCESS_BUSY = Metric("instancectl_sidekiq_process_busy_threads", _G, "Threads at work.", _P)
PROCESS_MEMORY = Metric(
    "instancectl_sidekiq_process_resident_memory_bytes", _G, "Memory as the process reports it.", _P
)
PROCESS_ROUND_TRIP = Metric(
    "instancectl_sidekiq_process_redis_round_trip_seconds", _G, "Redis as slow as the process sees it.", _P
)
PROCESS_HEARTBEAT = Metric(
    "instancectl_sidekiq_process_heartbeat_timestamp_seconds", _G, "Last heartbeat of the process.", _P
)
PROCESS_INFO = Metric(
    "instancectl_sidekiq_process_info",
    _G,
    "1; process is the service and its replica.",
    ("process", "version", "queues", "quiet"),
)
CRON_LAST = Metric(
    "instancectl_sidekiq_cron_last_enqueue_timestamp_seconds",
    _G,
    "When the scheduled task was last queued.",
    ("cron",),
)
CRON_INTERVAL = Metric(
    "instancectl_sidekiq_cron_interval_seconds",
    _G,
    "Time from the task's last queueing to the next one.",
    ("cron",),
)
UNIQUE_DIGESTS = Metric("instancectl_sidekiq_unique_digests", _G, "Locks that sidekiq-unique-jobs holds.")
MAIL_PROCESSED = Metric(
    "instancectl_mail_jobs_processed_total", _C, "Attempts to send a mail since the agent started."
)
MAIL_FAILED = Metric(
    "instancectl_mail_jobs_failed_total", _C, "Failed attempts to send a mail since the agent started."
)

SIDEKIQ_METRICS = (
    QUEUE_JOBS, QUEUE_LATENCY, QUEUE_OBJECTIVE, QUEUE_PROCESSES, QUEUE_THREADS, QUEUE_BUSY, QUEUE_OLDEST_RUN,
    QUEUE_PROCESSED, QUEUE_FAILED, QUEUE_EXECUTION, JOBS_PROCESSED, JOBS_FAILED, SET_JOBS, SET_OVERDUE,
    PROCESS_THREADS, PROCESS_BUSY, PROCESS_MEMORY, PROCESS_ROUND_TRIP, PROCESS_HEARTBEAT, PROCESS_INFO,
    CRON_LAST, CRON_INTERVAL, UNIQUE_DIGESTS, MAIL_PROCESSED, MAIL_FAILED,
)  # fmt: skip
