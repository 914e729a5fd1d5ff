"""How a copy of a cluster follows the original from WAL that is handed to it, until it takes over.

It is a standby in a container of its own. Nothing connects it with the original: whole segments are put where
its `restore_command` looks, and it asks for the next one five times a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from instancectl.core.backup import wal
from instancectl.core.backup.database import CONNECT
from instancectl.core.backup.recovery import BASE_FILE, DIRECTORY
from instancectl.errors import OperationFailed

CLUSTER: Final = "pgdata"
"""Directory of the cluster in its volume, as the service `db` has it, too."""

WAL_FILE: Final = "instancectl-wal.tar"

# A standby refuses less than the original allows; pg_control knows what that was, also after it was raised.
_FOLLOW = f"""
set -e
cd {DIRECTORY}
if [ ! -e unpacked ]; then
  rm -rf {CLUSTER} wal
  mkdir -m 700 {CLUSTER}
  tar -x -f {BASE_FILE} -C {CLUSTER}
  mkdir -p {CLUSTER}/pg_wal wal
  rm -f {CLUSTER}/recovery.signal
  touch {CLUSTER}/standby.signal
  chown -R postgres:postgres {CLUSTER} wal
  touch unpacked
fi
rm -f {BASE_FILE}
limit() {{ LC_ALL=C pg_controldata -D {CLUSTER} | sed -n "s/^$1 setting: *//p"; }}
exec docker-entrypoint.sh postgres -c hot_standby=on -c listen_addresses=127.0.0.1 \\
  -c max_connections="$(limit max_connections)" \\
  -c max_worker_processes="$(limit max_worker_processes)" \\
  -c max_wal_senders="$(limit max_wal_senders)" \\
  -c max_prepared_transactions="$(limit max_prepared_xacts)" \\
  -c max_locks_per_transaction="$(limit max_locks_per_xact)" \\
  -c wal_retrieve_retry_interval=200ms \\
  -c "restore_command=cp {DIRECTORY}/wal/%f \\"%p\\"" \\
  -c "archive_cleanup_command=pg_archivecleanup {DIRECTORY}/wal %r"
"""

FOLLOW: Final = ("sh", "-c", _FOLLOW)
"""The command of the container; begun anew, it goes on with what is there."""

_TAKE = f"""
set -e
cd {DIRECTORY}
while [ ! -e unpacked ]; do sleep 0.2; done
rm -rf incoming
mkdir -m 700 incoming
tar -x -f {WAL_FILE} -C incoming
chown -R postgres:postgres incoming
mv -f incoming/* wal/
rmdir incoming
rm {WAL_FILE}
"""

TAKE: Final = ("sh", "-c", _TAKE)
"""Puts an archive of WAL where the standby looks: whole segments, each at once."""

# What was raised beyond what this standby has room for pauses it (14 and newer) until it is started anew.
_LOOK = f"""set -e
{CONNECT}export PGAPPNAME=instancectl-follow
psql -XAtqw -F ' ' -v ON_ERROR_STOP=1 <<'END'
select 'read', pg_last_wal_replay_lsn();
select 'follows', pg_is_in_recovery();
select 'paused', case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end;
END
"""

LOOK: Final = ("sh", "-c", _LOOK)
"""Fails as long as it does not answer."""

_PROMOTE = f"""set -e
{CONNECT}export PGAPPNAME=instancectl-follow
ask() {{ psql -XAtqw -v ON_ERROR_STOP=1 -c "$1"; }}
if [ "$(ask 'select pg_is_in_recovery()')" = t ]; then
  [ "$(ask 'select pg_promote(true, 60)')" = t ]
fi
"""

PROMOTE: Final = ("sh", "-c", _PROMOTE)
"""Ends its following; done already is fine."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a standby is.

    Attributes:
        read: the position up to which it has everything, like `0/7000000`.
        follows: it was not promoted yet.
        paused: it waits to be started anew, because the original allows more by now.
    """

    read: str
    follows: bool
    paused: bool

    def segment(self, timeline: str, segment_bytes: int) -> str:
        """The last segment that it read anything from."""
        return wal.before(timeline, self.read, segment_bytes)


def followed(output: str) -> Followed:
    """From the output of `LOOK`.

    Raises:
        OperationFailed: it is something else.
    """
    told = dict(line.split(" ", 1) for line in output.splitlines() if " " in line)
    try:
        found = Followed(told["read"].strip(), told["follows"] == "t", told["paused"] == "t")
        wal.place(found.read)
    except (KeyError, ValueError) as error:
        raise OperationFailed("PostgreSQL does not say how far it follows", subject="db") from error
    return found
