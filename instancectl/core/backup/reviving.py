"""How a dump becomes a database again: beside the present one, which keeps its name until both are swapped.

Every script may be killed and run again. None of them signals a process: PostgreSQL is the first process of
its container, and takes an orphan that ends by a signal for a crashed server process, so it restarts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
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

LIST_ROLES: Final = _script("exec psql -XAtqw -v ON_ERROR_STOP=1 -c 'SELECT rolname FROM pg_roles'\n")
"""Those that are there stay as they are."""

ROLES: Final = _script(
    f"exec psql -Xqw -1 -v ON_ERROR_ROLLBACK=on -o /dev/null -f {DIRECTORY}/{GLOBALS_FILE}\n"
)
"""All at once: a killed run leaves no role without its rights. What this server refuses is left out."""

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


_NAME: Final = r'((?:"(?:[^"]|"")+")|[^\s";]+)'
_ROLE: Final = re.compile(rf"(CREATE|ALTER) ROLE {_NAME}[ ;].*")
_MEMBER: Final = re.compile(rf"GRANT {_NAME} TO {_NAME}[ ;].*")
_GRANTOR: Final = re.compile(rf" GRANTED BY {_NAME};$")
_NAME_ONLY: Final = frozenset({"postgres"})
"""A superuser elsewhere: something may be granted to it here, and nobody may log in as it."""


def missing_roles(globals_sql: str, present: Collection[str]) -> str:
    """The statements about roles that are not there: a dump grants to them.

    Args:
        globals_sql: what `pg_dumpall --globals-only` wrote, one statement a line.
        present: names of roles that are there; nothing is said about them.
    """
    found = []
    for line in globals_sql.splitlines():
        if role := _ROLE.fullmatch(line):
            name = _unquoted(role[2])
            if name not in present and not (name in _NAME_ONLY and role[1] == "ALTER"):
                found.append(line)
        elif (member := _MEMBER.fullmatch(line)) and _unquoted(member[2]) not in {*present, *_NAME_ONLY}:
            found.append(_GRANTOR.sub(";", line))  # whoever granted it need not be there
    return "".join(f"{line}\n" for line in found)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


@dataclass(frozen=True, slots=True)
class Original:
    """What a dump does not say of the database that it is of.

    Attributes:
        rows: table → rows, as counted in the same view.
        globals_sql: the roles that there were, as `pg_dumpall --globals-only` writes them.
    """

    rows: Mapping[str, int]
    globals_sql: bytes
