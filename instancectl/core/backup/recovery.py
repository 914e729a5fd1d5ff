"""How the files of a cluster and its WAL become a database of one moment, in a container of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from instancectl.core.backup.database import CONNECT
from instancectl.core.backup.moment import Moment
from instancectl.core.backup.wal import before
from instancectl.errors import OperationFailed

BASE_FILE: Final = "instancectl-base.tar"
WAL_FILE: Final = "instancectl-wal-{number:05d}.tar"
DIRECTORY: Final = "/var/lib/postgresql/data"
PROVEN_FILE: Final = "/tmp/to-the-end"  # noqa: S108 - in a container of its own

# The moment may lie behind the last transaction that there is. PostgreSQL (13 and newer) ends then, rather
# than promise what it has not seen; the end of WAL is that moment's state, and whether all of the WAL was
# read is looked at afterwards.
_RECOVER = r"""
set -e
cd %(directory)s
rm -rf pgdata wal
mkdir -m 700 pgdata wal
tar -x -f %(base)s -C pgdata
rm %(base)s
for archive in instancectl-wal-*.tar; do
  [ -e "$archive" ] || continue
  tar -x -f "$archive" -C wal
  rm "$archive"
done
mkdir -p pgdata/pg_wal
rm -f pgdata/standby.signal
touch pgdata/recovery.signal
chown -R postgres:postgres pgdata wal
serve() {
  docker-entrypoint.sh postgres -c hot_standby=off -c fsync=off -c recovery_target_action=promote \
    -c "restore_command=cp %(directory)s/wal/%%f \"%%p\"" "$@"
}
%(run)s
"""
_TO_THE_END = """touch %(proven)s
serve
"""
_TO_A_MOMENT = """if ! serve -c "recovery_target_time=%(moment)s" 2> /tmp/said; then
  tail -n 20 /tmp/said >&2
  grep -q 'recovery ended before configured recovery target was reached' /tmp/said
  touch %(proven)s
  serve
fi
"""


def recover(moment: Moment) -> tuple[str, ...]:
    """The command of the container."""
    run = _TO_THE_END if moment.epoch_seconds is None else _TO_A_MOMENT
    names = {"proven": PROVEN_FILE, "moment": moment.text.replace("T", " ").replace("Z", "+00")}
    script = _RECOVER % {"directory": DIRECTORY, "base": BASE_FILE, "run": run % names}
    return ("sh", "-c", script)


VERSION: Final = ("sh", "-c", "exec postgres --version")
"""Of the image; nothing is made or started."""

_ASK = f"""set -e
{CONNECT}ask() {{ psql -XAtqw -v ON_ERROR_STOP=1 -c "$1"; }}
read=$(ask 'select pg_last_wal_replay_lsn()')
echo "read $read"
[ ! -e {PROVEN_FILE} ] || echo "whole yes"
"""

ASK: Final = ("sh", "-c", _ASK)
"""Fails as long as the database is not there."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What PostgreSQL says afterwards.

    Attributes:
        read: the last segment that it read anything from, without its timeline, which is a new one by now.
        whole: it went to the end of what there was.
    """

    read: str
    whole: bool


def recovered(output: str, segment_bytes: int) -> Recovered:
    """From the output of `ASK`.

    Raises:
        OperationFailed: it is something else.
    """
    told = dict(line.split(" ", 1) for line in output.splitlines() if " " in line)
    try:
        return Recovered(before("", told["read"].strip(), segment_bytes), "whole" in told)
    except (KeyError, ValueError) as error:
        raise OperationFailed("PostgreSQL does not say how far it recovered", subject="db") from error
