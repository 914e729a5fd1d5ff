"""What PostgreSQL is asked, by a role that can do nothing else, and what the rows mean.

Own queries instead of another exporter's: those differ between the releases of Debian, and they hold several
connections. The role has four connections, two seconds for a statement, and may only read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from instancectl.core.mastodon_env import DATABASE, USER
from instancectl.core.monitoring import catalogue_stores as metrics
from instancectl.core.monitoring.metric import Metric, Sample
from instancectl.core.secrets import Secret

ROLE = "instancectl_monitor"
OWNER_ROLE = USER
DATABASE_NAME = DATABASE
STATEMENT_SECONDS = 2

Rows: TypeAlias = Sequence[tuple[str | None, ...]]

QUICK = """
select (select count(*) from pg_stat_activity where backend_type = 'client backend'),
       current_setting('max_connections'),
       (select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0) from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()),
       (select failed_count from pg_stat_archiver)
"""
"""At every scrape; reads shared memory only."""

STANDBYS = """
select coalesce(nullif(application_name, ''), client_addr::text, 'unknown'),
       coalesce(extract(epoch from replay_lag), 0)
  from pg_stat_replication order by 1 limit 8
"""

SIZES = "select pg_database_size(current_database())"

TABLES = """
select relname, pg_total_relation_size(relid), n_live_tup, n_dead_tup
  from pg_stat_user_tables order by pg_table_size(relid) desc limit 10
"""

PEOPLE = """
with clock as (select clock_timestamp() at time zone 'utc' as utc), states as (
  select case when disabled then 'disabled' when confirmed_at is null then 'unconfirmed'
              when not approved then 'pending_review' else 'active' end as state, created_at, confirmed_at
    from users)
select 'users', state, count(*) from states group by state
union all
select 'oldest', state, extract(epoch from (select utc from clock) - min(created_at))
  from states where state in ('unconfirmed', 'pending_review') group by state
union all
select 'signups', case when confirmed_at is null then 'unconfirmed' else 'confirmed' end, count(*)
  from states, clock
 where created_at > utc - interval '25 hours' and created_at <= utc - interval '1 hour' group by 2
union all
select 'reports', 'open', count(*) from reports where action_taken_at is null
union all
select 'reports', 'oldest', coalesce(extract(epoch from (select utc from clock) - min(created_at)), 0)
  from reports where action_taken_at is null
"""
"""One pass over `users` (40 ms for 100,000 of them); Rails keeps UTC without a time zone."""

UPDATES = "select type, urgent, count(*) from software_updates group by type, urgent"

SIGNUPS = """
select (select coalesce(max(id), 0) from users),
       (select value from settings where var = 'registrations_mode' limit 1)
"""
"""The number of the newest account, and the registration mode as YAML; NULL while nobody set it."""

READABLE = {
    "users": ("id", "disabled", "confirmed_at", "approved", "created_at"),
    "settings": ("var", "value"),
    "reports": ("action_taken_at", "created_at"),
    "software_updates": ("type", "urgent"),
}
"""Table → columns the role may read: nobody's address, name or text; settings are those of the site."""

UPDATE_TYPES = {"0": "patch", "1": "minor", "2": "major"}
"""`SoftwareUpdate.type` of Mastodon."""

_USER_STATES = ("active", "unconfirmed", "pending_review", "disabled")
_PENDING_STATES = ("unconfirmed", "pending_review")


def role_password(owner_password: Secret) -> Secret:
    """Of the monitoring role: derived, so that there is nothing more to keep, back up or lose."""
    digest = hmac.new(owner_password.reveal().encode(), ROLE.encode(), hashlib.sha256).hexdigest()
    return Secret(digest)


def verifier(password: Secret, salt: bytes, iterations: int = 4096) -> str:
    """What PostgreSQL stores for SCRAM: with it no statement, and so no log, holds the password."""
    salted = hashlib.pbkdf2_hmac("sha256", password.reveal().encode(), salt, iterations)
    client = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    stored = base64.b64encode(hashlib.sha256(client).digest()).decode()
    server = base64.b64encode(hmac.new(salted, b"Server Key", hashlib.sha256).digest()).decode()
    return f"SCRAM-SHA-256${iterations}:{base64.b64encode(salt).decode()}${stored}:{server}"


def role_statements(stored: str) -> tuple[str, ...]:
    """Make the role, or make it what it should be; safe to repeat."""
    settings = {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": "500ms",
        "idle_in_transaction_session_timeout": "10s",
        "default_transaction_read_only": "on",
        "log_min_error_statement": "panic",
    }
    limits = "login nosuperuser nocreatedb nocreaterole noreplication connection limit 4"
    return (
        f"do $$ begin create role {ROLE}; exception when duplicate_object then null; end $$",
        f"alter role {ROLE} {limits} password '{stored}'",
        *(f"alter role {ROLE} set {name} = '{value}'" for name, value in settings.items()),
        f"grant pg_read_all_stats to {ROLE}",
        f"grant connect on database {DATABASE_NAME} to {ROLE}",
    )


def grant_statements() -> tuple[str, ...]:
    """What the role may read; before Mastodon's schema exists there is nothing to grant."""
    return tuple(
        f"do $$ begin grant select ({', '.join(columns)}) on {table} to {ROLE}; "
        "exception when undefined_table or undefined_column then null; end $$"
        for table, columns in READABLE.items()
    )


def quick_samples(rows: Rows) -> Iterator[Sample]:
    """Of `QUICK`."""
    columns: tuple[Metric, ...] = (
        metrics.DB_CONNECTIONS,
        metrics.DB_MAX_CONNECTIONS,
        metrics.DB_LONGEST,
        metrics.DB_ARCHIVE_FAILURES,
    )
    for metric, value in zip(columns, rows[0], strict=True):
        yield Sample(metric, float(value or 0))


def standby_samples(rows: Rows) -> Iterator[Sample]:
    """Of `STANDBYS`."""
    for name, lag in rows:
        yield Sample(metrics.DB_REPLICATION_LAG, float(lag or 0), (name or "",))


def size_samples(sizes: Rows, tables: Rows) -> Iterator[Sample]:
    """Of `SIZES` and `TABLES`."""
    yield Sample(metrics.DB_SIZE, float(sizes[0][0] or 0))
    for name, size, live, dead in tables:
        rows = float(live or 0) + float(dead or 0)
        yield Sample(metrics.DB_TABLE_SIZE, float(size or 0), (name or "",))
        yield Sample(metrics.DB_TABLE_DEAD, float(dead or 0) / rows if rows else 0.0, (name or "",))


def people_samples(rows: Rows) -> Iterator[Sample]:
    """Of `PEOPLE`; a state nobody is in reads zero."""
    found = {(kind, state): float(value or 0) for kind, state, value in rows}
    for state in _USER_STATES:
        yield Sample(metrics.USERS, found.get(("users", state), 0.0), (state,))
    for state in _PENDING_STATES:
        yield Sample(metrics.USERS_OLDEST, found.get(("oldest", state), 0.0), (state,))
    for state in ("confirmed", "unconfirmed"):
        yield Sample(metrics.SIGNUPS, found.get(("signups", state), 0.0), (state,))
    yield Sample(metrics.REPORTS, found.get(("reports", "open"), 0.0))
    yield Sample(metrics.REPORTS_OLDEST, found.get(("reports", "oldest"), 0.0))


def update_samples(rows: Rows) -> Iterator[Sample]:
    """Of `UPDATES`; every kind has a series from the start."""
    found = {(kind, urgent): count for kind, urgent, count in rows}
    for number, kind in UPDATE_TYPES.items():
        for flag, urgent in (("f", "false"), ("t", "true")):
            yield Sample(metrics.UPDATE_AVAILABLE, float(bool(found.get((number, flag)))), (kind, urgent))
