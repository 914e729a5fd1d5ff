"""Metrics of PostgreSQL, Redis, people, containers, disks, releases and of the agent itself."""

from __future__ import annotations

from instancectl.core.monitoring.metric import Kind, Metric

_G, _C = Kind.GAUGE, Kind.COUNTER

DB_UP = Metric("instancectl_db_up", _G, "1 if PostgreSQL answered a query within 2 s.")
DB_CONNECTIONS = Metric("instancectl_db_connections", _G, "Open connections of clients.")
DB_MAX_CONNECTIONS = Metric("instancectl_db_max_connections", _G, "PostgreSQL's limit of connections.")
DB_SIZE = Metric("instancectl_db_size_bytes", _G, "Size of Mastodon's database; at most 60 s old.")
DB_LONGEST = Metric(
    "instancectl_db_longest_transaction_seconds", _G, "Age of the oldest open transaction of a client."
)
DB_ARCHIVE_FAILURES = Metric(
    "instancectl_db_wal_archive_failures_total", _C, "Failed attempts to archive a WAL file."
)
DB_REPLICATION_LAG = Metric(
    "instancectl_db_replication_lag_seconds",
    _G,
    "How far a standby replays behind; no series without one.",
    ("replica",),
)
DB_TABLE_DEAD = Metric(
    "instancectl_db_table_dead_tuples_ratio",
    _G,
    "Dead rows among all rows of the ten largest tables; at most 60 s old.",
    ("table",),
)
DB_TABLE_SIZE = Metric(
    "instancectl_db_table_size_bytes",
    _G,
    "Size of the ten largest tables with their indexes; at most 60 s old.",
    ("table",),
)
REDIS_UP = Metric("instancectl_redis_up", _G, "1 if Redis answered within 2 s.")
REDIS_WRITABLE = Metric(
    "instancectl_redis_writable",
    _G,
    "1 if Redis takes writes: a master, its disk well, below its memory limit, evicting nothing.",
)
REDIS_MEMORY = Metric("instancectl_redis_memory_used_bytes", _G, "Memory that data use.")
REDIS_LIMIT = Metric("instancectl_redis_memory_limit_bytes", _G, "Redis' own limit; 0 is none.")
REDIS_CLIENTS = Metric("instancectl_redis_connected_clients", _G, "Open connections of clients.")
REDIS_LAST_SAVE = Metric(
    "instancectl_redis_last_save_timestamp_seconds", _G, "When Redis last wrote its whole data to disk."
)

USERS = Metric(
    "instancectl_users",
    _G,
    "Local users: active, unconfirmed, pending_review or disabled; at most 60 s old.",
    ("state",),
)
USERS_OLDEST = Metric(
    "instancectl_users_oldest_pending_seconds",
    _G,
    "Longest wait of anybody unconfirmed or pending_review, 0 when nobody waits; at most 60 s old.",
    ("state",),
)
SIGNUPS = Metric(
    "instancectl_signups_last_day",
    _G,
    "Sign-ups of 25 to 1 hours ago that are confirmed or unconfirmed by now; at most 60 s old.",
    ("state",),
)
REPORTS = Metric("instancectl_reports_open", _G, "Open reports; at most 60 s old.")
REPORTS_OLDEST = Metric(
    "instancectl_reports_oldest_open_seconds",
    _G,
    "Age of the oldest open report, 0 without one; at most 60 s old.",
)
MASTODON_INFO = Metric("instancectl_mastodon_info", _G, "1; the release that answers.", ("version",))
UPDATE_AVAILABLE = Metric(
    "instancectl_update_available",
    _G,
    "1 for each kind of release that Mastodon itself knows to be newer; at most 60 s old.",
    ("type", "urgent"),
)
VERSION_END = Metric(
    "instancectl_version_end_of_support_timestamp_seconds",
    _G,
    "End of the security fixes for the release that answers; no series while no end is announced.",
)

CONTAINER_UP = Metric("instancectl_container_up", _G, "1 if the replica runs.", ("service", "replica"))
CONTAINER_WANTED = Metric(
    "instancectl_service_replicas_wanted", _G, "Replicas the service should have.", ("service",)
)
CONTAINER_RESTARTS = Metric(
    "instancectl_container_restarts_total",
    _C,
    "Containers that took the place of another in the same replica, since the agent started.",
    ("service",),
)
CONTAINER_MEMORY = Metric(
    "instancectl_container_memory_bytes",
    _G,
    "Memory of the replica on this host, page cache that can go left out.",
    ("service", "replica"),
)
CONTAINER_LIMIT = Metric(
    "instancectl_container_memory_limit_bytes",
    _G,
    "Memory limit of the replica on this host; no series without one.",
    ("service", "replica"),
)
DISK_TOTAL = Metric("instancectl_disk_total_bytes", _G, "Size of the file system.", ("area",))
DISK_FREE = Metric(
    "instancectl_disk_free_bytes", _G, "What is left of the file system to ordinary users.", ("area",)
)
DISK_FULL = Metric(
    "instancectl_disk_full_timestamp_seconds",
    _G,
    "When the file system is full if it goes on as in the last 6 hours; no series while it does not fill.",
    ("area",),
)

COLLECTOR_SUCCESS = Metric(
    "instancectl_collector_success", _G, "1 if the source answered this scrape.", ("collector",)
)
COLLECTOR_DURATION = Metric(
    "instancectl_collector_duration_seconds", _G, "Time the source took for this scrape.", ("collector",)
)
BUILD_INFO = Metric("instancectl_build_info", _G, "1; the version of instancectl.", ("version",))
SETTINGS_REFUSED = Metric(
    "instancectl_settings_refused",
    _G,
    "1 while the instance file or a file of secrets was changed to something that the agent cannot use.",
)

STORE_METRICS = (
    DB_UP, DB_CONNECTIONS, DB_MAX_CONNECTIONS, DB_SIZE, DB_LONGEST, DB_ARCHIVE_FAILURES, DB_REPLICATION_LAG,
    DB_TABLE_DEAD, DB_TABLE_SIZE, REDIS_UP, REDIS_WRITABLE, REDIS_MEMORY, REDIS_LIMIT, REDIS_CLIENTS,
    REDIS_LAST_SAVE,
)  # fmt: skip
PEOPLE_METRICS = (
    USERS, USERS_OLDEST, SIGNUPS, REPORTS, REPORTS_OLDEST, MASTODON_INFO, UPDATE_AVAILABLE,
    VERSION_END,
)  # fmt: skip
HOST_METRICS = (
    CONTAINER_UP, CONTAINER_WANTED, CONTAINER_RESTARTS, CONTAINER_MEMORY, CONTAINER_LIMIT,
    DISK_TOTAL, DISK_FREE, DISK_FULL,
)  # fmt: skip
AGENT_METRICS = (COLLECTOR_SUCCESS, COLLECTOR_DURATION, BUILD_INFO, SETTINGS_REFUSED)
