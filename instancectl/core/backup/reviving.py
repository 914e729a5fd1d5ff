"""How a dump becomes a database again: beside the present one, which keeps its name until both are swapped.

Every script may be killed and run again. None of them signals a process: PostgreSQL is the first process of
its container, and takes an orphan that ends by a signal for a crashed server process, so it restarts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from instancectl.core.backup.database import CONNECT, ROWS
from instancectl.core.mastodon_env import DATABASE

RESTORED: Final = "mastodon_restored"
"""A database while it is restored and proven."""

BEFORE: Final = "mastodon_before"
"""What was there before, until an admin says that it may go."""

DUMP_FILE: Final = "instancectl-restore.dump"
GLOBALS_FILE: Final = "instancectl-restore.sql"
DIRECTORY: Final = "/var/lib/postgresql/data"
"""Where the volume `db` is mounted: beside the cluster, whose directory is below it."""

Argv = tuple[str, ...]

_PSQL = "psql -Xqw -v ON_ERROR_STOP=1 -o /dev/null"
_END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE application_name = 'instancectl-restore' AND pid <> pg_backend_pid();"""
_SOUND = """FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.amname = 'btree' AND n.nspname <> 'pg_toast' AND c.relpersistence = 'p'
   AND i.indisready AND i.indisvalid"""


def _script(text: str) -> Argv:
    head = f"set -e\n{CONNECT}export PGAPPNAME=instancectl-restore PGDATABASE=postgres\n"
    return ("sh", "-c", head + text)


RESTORE: Final = _script(f"""{_PSQL} <<'END'
{_END_OTHERS}
DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE);
CREATE DATABASE {RESTORED} TEMPLATE template0;
END
jobs=$(nproc)
[ "$jobs" -lt 4 ] || jobs=4
exec pg_restore -w --no-owner --exit-on-error -j "$jobs" -d {RESTORED} {DIRECTORY}/{DUMP_FILE}
""")
"""Into an empty database of its own; what a killed run left of one is dropped first."""

ROLES: Final = _script(f"psql -Xqw -o /dev/null -f {DIRECTORY}/{GLOBALS_FILE} || true\n")
"""Roles that exist already are complained about, and stay as they are."""

ANALYZE: Final = _script(f"exec vacuumdb -w -q --analyze-only -j 2 {RESTORED}\n")
"""A dump holds no statistics: without them the first hour is slow."""

COUNT: Final = _script(f"exec psql -XAtqw -v ON_ERROR_STOP=1 -d {RESTORED} <<'END'{ROWS}END\n")

INDEXES: Final = _script(f"""exec psql -XAtqw -v ON_ERROR_STOP=1 -d {RESTORED} <<'END'
CREATE EXTENSION IF NOT EXISTS amcheck;
SELECT bt_index_check(c.oid, true) {_SOUND} \\g /dev/null
SELECT count(*) {_SOUND};
END
""")
"""Ends with an error for an index that is not sound; prints how many are."""

LOOK: Final = _script(f"""psql -XAtqw <<'END'
SELECT datname FROM pg_database WHERE datname IN ('{DATABASE}', '{RESTORED}', '{BEFORE}');
END
psql -XAtqw -d {DATABASE} 2>/dev/null <<'END' || true
SELECT 'tables ' || count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace;
END
""")  # noqa: S608 - every word of it is written here
"""Which of the three there are, and how many tables the present one has."""


def rename(pairs: Mapping[str, str]) -> Argv:
    """Rename databases, old name → new name, all at once or not at all; whoever is connected is cut off."""
    cut = "".join(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';\n"  # noqa: S608
        for name in pairs
    )
    renames = "".join(f"ALTER DATABASE {old} RENAME TO {new};\n" for old, new in pairs.items())
    return _script(
        f"for attempt in 1 2 3 4 5; do\n{_PSQL} <<'END' && exit 0\nBEGIN;\n{cut}{renames}COMMIT;\nEND\n"
        "sleep 1\ndone\nexit 1\n"
    )


def drop(name: str) -> Argv:
    """Drop one of our databases; absent is fine."""
    return _script(f"{_PSQL} -c 'DROP DATABASE IF EXISTS {name} WITH (FORCE)'\n")


def differing_rows(recorded: Mapping[str, int], found: Mapping[str, int]) -> tuple[str, ...]:
    """Where a restored database differs from what was counted when it was dumped, in words."""
    tables = sorted({*recorded, *found})
    return tuple(
        f"`{table}` has {found.get(table, 'no')} rows, {recorded.get(table, 'no')} were counted"
        for table in tables
        if recorded.get(table) != found.get(table)
    )


def foreign_roles(globals_sql: str) -> str:
    """The statements about roles other than ours: its password is the one of this host."""
    return "".join(
        f"{line}\n"
        for line in globals_sql.splitlines()
        if line.startswith(("CREATE ROLE ", "ALTER ROLE ", "GRANT "))
        and line.split()[2].strip('";') not in {"mastodon", "postgres"}
    )
