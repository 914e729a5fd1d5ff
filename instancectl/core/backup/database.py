"""How a database gets out of its container: one exported view for the dump and for the counted rows.

The dump is stdout, everything else is told on stderr in lines that begin with `TOLD`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from instancectl.errors import OperationFailed

TOLD = "instancectl: "
DUMP_MAGIC = b"PGDMP"
REDIS_MAGIC = b"REDIS"

_ERROR = re.compile(r"\b(error|ERROR|FATAL|PANIC):")

CONNECT = (
    'export PGPASSWORD="$(cat /run/secrets/db_password)" PGCONNECT_TIMEOUT=10 PGAPPNAME=instancectl-backup '
    "PGHOST=127.0.0.1 PGUSER=mastodon PGDATABASE=mastodon_production\n"
)

ROWS = rf"""
SELECT format('SELECT %L || count(*) FROM ONLY %I.%I', '{TOLD}rows ' || n.nspname || '.' || c.relname || ' ',
              n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
 ORDER BY 1 \gexec
"""  # noqa: S608 - every word of it is written here

# psql keeps the transaction open whose view pg_dump and the counts share; `\!` hands it our stdout.
# A run that was killed leaves its session behind, which would hold up vacuum: it is ended first.
_DUMP = rf"""nice -n 10 psql -Xqw -v ON_ERROR_STOP=1 <<'END'
\o /dev/null
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE application_name = 'instancectl-backup' AND pid <> pg_backend_pid();
SET idle_in_transaction_session_timeout = 0;
SET statement_timeout = 0;
SET lock_timeout = '60s';
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS shared, current_setting('server_version') AS version \gset
\setenv SHARED :shared
\setenv VERSION :version
\! echo "{TOLD}version $VERSION" >&2
\! pg_dump -w -Fc -Z0 --lock-wait-timeout=60000 --snapshot="$SHARED" </dev/null; echo "{TOLD}dumped $?" >&2
\pset format unaligned
\pset tuples_only on
\o |cat >&2{ROWS}\o
COMMIT;
\! echo "{TOLD}ended" >&2
END
"""  # noqa: S608 - every word of it is written here


@dataclass(frozen=True, slots=True)
class Commands:
    """What is run in the containers of a database and of Redis."""

    dump: tuple[str, ...]
    globals: tuple[str, ...]
    size: tuple[str, ...]
    redis: tuple[str, ...]


def _commands(connect: str, roles: str = "", redis_login: str = "") -> Commands:
    size = "exec psql -XAtqw -c 'select pg_database_size(current_database())'"
    return Commands(
        dump=("sh", "-c", connect + _DUMP),
        globals=("sh", "-c", f"{connect}exec pg_dumpall -w --globals-only{roles}"),
        size=("sh", "-c", connect + size),
        redis=("sh", "-c", f"{redis_login}exec redis-cli --rdb -"),
    )


OURS = _commands(CONNECT, redis_login='REDISCLI_AUTH="$(cat /run/secrets/redis_password)" ')
DUMP_ARGV = OURS.dump


def foreign(user: str, name: str) -> Commands:
    """The same for a server that we did not deploy: over the socket, where PostgreSQL's images trust.

    Args:
        user: of the database; perhaps no superuser, so roles come without passwords.
        name: of the database.
    """
    connect = (
        "export PGCONNECT_TIMEOUT=10 PGAPPNAME=instancectl-backup "
        f"PGUSER={shlex.quote(user)} PGDATABASE={shlex.quote(name)}\n"
    )
    return _commands(connect, " --no-role-passwords")


@dataclass(frozen=True, slots=True)
class Dumped:
    """What a dump told beside itself: PostgreSQL's version, and the rows of every table in the same view."""

    version: str
    rows: dict[str, int]


def why(said: str) -> str:
    """The first error of stderr that is not ours, or else its last line, behind a colon; empty without any.

    What follows an error is its detail, or what it led to.
    """
    others = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith(TOLD)]
    errors = [line for line in others if _ERROR.search(line)]
    return f": {(errors or others[-1:])[0]}" if others else ""


def read(said: str, code: int) -> Dumped:
    """Judge what was told.

    Args:
        said: everything from stderr.
        code: exit code of the whole.

    Raises:
        OperationFailed: any stage of it did not end well; says which, in PostgreSQL's words.
    """
    told = [line.removeprefix(TOLD) for line in said.splitlines() if line.startswith(TOLD)]
    if "dumped 0" not in told:
        raise OperationFailed(f"pg_dump did not end well{why(said)}", subject="db")
    if code or "ended" not in told:
        raise OperationFailed(f"the rows could not be counted{why(said)}", subject="db")
    version = next((line.removeprefix("version ") for line in told if line.startswith("version ")), "")
    return Dumped(version, rows_told(said))


def rows_told(said: str) -> dict[str, int]:
    """Table → rows, as `ROWS` tells of them."""
    rows = {}
    for line in said.splitlines():
        if line.startswith(f"{TOLD}rows "):
            table, _, count = line.removeprefix(f"{TOLD}rows ").rpartition(" ")
            rows[table] = int(count)
    return rows
