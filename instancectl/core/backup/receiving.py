"""How WAL gets out of PostgreSQL while it is written, and how the cluster's files do.

The receiver is a service of its own beside the database. Its slot keeps what it has not taken yet, up to a
limit: beyond that PostgreSQL gives the slot up rather than fill the disk, and the receiver begins anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from instancectl.core.backup.database import CONNECT, TOLD, why
from instancectl.core.backup.wal import Base, before, is_segment
from instancectl.errors import OperationFailed

SERVICE: Final = "wal"
VOLUME: Final = "wal"
SOCKET_VOLUME: Final = "db-socket"
SOCKET: Final = "/var/run/postgresql"
"""Where the official image puts it; over it, replication needs no entry in `pg_hba.conf`."""

DIRECTORY: Final = "/wal"
SLOT: Final = "instancectl_wal"

# Every run has a directory of its own: when the slot was lost, what follows does not continue what is there.
# A shell that is the first process of a container obeys no signal that it has not asked for.
_SCRIPT = rf"""
export PGHOST={SOCKET} PGUSER=mastodon PGDATABASE=mastodon_production PGAPPNAME=instancectl-wal
export PGPASSWORD="$(cat /run/secrets/db_password)" PGCONNECT_TIMEOUT=10
trap 'kill "$child" 2>/dev/null; exit 0' TERM INT
ask() {{ psql -XAtqw -v ON_ERROR_STOP=1 -c "$1"; }}
pause() {{ sleep "$1" & child=$!; wait "$child"; }}
full() {{ [ "$(du -sm "{DIRECTORY}/$system" | cut -f1)" -ge "$KEEP_MIB" ]; }}
anew() {{
  echo "the slot was lost, or what it should hold was removed: begins anew, with a gap"
  ask "select pg_drop_replication_slot('{SLOT}')"
  rm -f "$run"/*.partial
  run="{DIRECTORY}/$system/$(date +%s)"
}}
while :; do
  if ! system=$(ask "select system_identifier from pg_control_system()"); then pause 2; continue; fi
  run="{DIRECTORY}/$system/$(ls "{DIRECTORY}/$system" 2>/dev/null | sort -n | tail -n 1)"
  [ "$run" != "{DIRECTORY}/$system/" ] || run="$run$(date +%s)"
  lost=$(ask "select 1 from pg_replication_slots where slot_name = '{SLOT}' and wal_status = 'lost'")
  [ -z "$lost" ] || anew
  mkdir -p "$run"
  # In the cluster itself: the slot may outlive this service, and must never fill the disk.
  ask "alter system set max_slot_wal_keep_size = '${{KEEP_MIB}}MB'"
  ask "select pg_reload_conf()" > /dev/null
  if full; then echo "$KEEP_MIB MiB wait to be sent: receives no more"; pause 5; continue; fi
  pg_receivewal -w -D "$run" -S {SLOT} --create-slot --if-not-exists || {{ pause 2; continue; }}
  pg_receivewal -w -n -s 1 -D "$run" -S {SLOT} 2> /tmp/said &
  receiver=$!
  while kill -0 "$receiver" 2>/dev/null; do
    trap 'kill "$receiver" "$child" 2>/dev/null; wait "$receiver"; exit 0' TERM INT
    pause 1
    if full; then kill -INT "$receiver"; wait "$receiver"; fi
  done
  cat /tmp/said
  if grep -q 'has already been removed' /tmp/said; then anew; mkdir -p "$run"; fi
  pause 1
done
"""  # noqa: S608 - every word of it is written here

RECEIVE: Final = ("sh", "-c", _SCRIPT)


def _script(text: str) -> tuple[str, ...]:
    head = f"set -e\n{CONNECT}export PGAPPNAME=instancectl-wal\n"
    ask = 'ask() { psql -XAtqw -v ON_ERROR_STOP=1 -c "$1"; }\n'
    return ("sh", "-c", head + ask + text)


SWITCH: Final = _script(f"""
system=$(ask 'select system_identifier from pg_control_system()')
moment=$(ask 'select floor(extract(epoch from clock_timestamp()))::bigint')
position=$(ask 'select pg_switch_wal()')
timeline=$(ask 'select left(pg_walfile_name(pg_current_wal_lsn()), 8)')
bytes=$(ask "select setting from pg_settings where name = 'wal_segment_size'")
slot=$(ask "select wal_status from pg_replication_slots where slot_name = '{SLOT}'")
lag=$(ask "select coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint
  from pg_replication_slots where slot_name = '{SLOT}'")
echo "system $system"
echo "moment $moment"
echo "position $position"
echo "timeline $timeline"
echo "segment_bytes $bytes"
echo "slot $slot"
echo "lag_bytes $lag"
""")  # noqa: S608 - every word of it is written here
"""Ends the present segment, so that it can be sent; does nothing when nothing was written."""

BASE: Final = _script(f"""
system=$(ask 'select system_identifier from pg_control_system()')
bytes=$(ask "select setting from pg_settings where name = 'wal_segment_size'")
version=$(ask 'show server_version')
first=$(ask 'select pg_walfile_name(pg_current_wal_insert_lsn())')
nice -n 10 pg_basebackup -w -D - -Ft -X none -c fast
last=$(ask 'select pg_walfile_name(pg_current_wal_insert_lsn())')
reached=$(ask 'select ceil(extract(epoch from clock_timestamp()))::bigint')
ask 'select pg_switch_wal()' >/dev/null
echo "{TOLD}system $system" >&2
echo "{TOLD}segment_bytes $bytes" >&2
echo "{TOLD}version $version" >&2
echo "{TOLD}machine $(uname -m)" >&2
echo "{TOLD}first $first" >&2
echo "{TOLD}last $last" >&2
echo "{TOLD}reached $reached" >&2
""")  # noqa: S608 - every word of it is written here
"""The files of the cluster as a tar archive; WAL is not in it, because that is sent anyway."""

BASE_SIZE: Final = _script("ask 'select sum(pg_database_size(oid)) from pg_database'\n")
"""Bytes that such an archive has at most, but for a few MiB."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What PostgreSQL says when a segment was ended.

    Attributes:
        moment: epoch seconds; what was committed before it is in `last` or in an earlier segment.
        slot: `reserved`, `extended`, `unreserved`, `lost`, or empty when there is none.
        lag_bytes: WAL that the slot holds back.
    """

    system: str
    moment: int
    last: str
    segment_bytes: int
    slot: str
    lag_bytes: int


def switched(output: str) -> Switched:
    """From the output of `SWITCH`.

    Raises:
        OperationFailed: it is something else.
    """
    told = dict(line.split(" ", 1) for line in output.splitlines() if " " in line)
    try:
        found = Switched(
            told["system"].strip(),
            int(told["moment"]),
            before(told["timeline"].strip(), told["position"].strip(), int(told["segment_bytes"])),
            int(told["segment_bytes"]),
            told.get("slot", "").strip(),
            int(told.get("lag_bytes", "").strip() or 0),
        )
    except (KeyError, ValueError) as error:
        raise OperationFailed("PostgreSQL does not say where its WAL is", subject="db") from error
    if not is_segment(found.last):
        raise OperationFailed(f"`{found.last}` is no segment of WAL", subject="db")
    return found


_LINE = re.compile(rf"^{re.escape(TOLD)}(\w+) (.+)$", re.MULTILINE)


def base(said: str, code: int) -> Base:
    """From what `BASE` told beside the archive.

    Raises:
        OperationFailed: it did not end well; says which, in PostgreSQL's words.
    """
    told = dict(_LINE.findall(said))
    if code or "reached" not in told:
        raise OperationFailed(f"pg_basebackup did not end well{why(said)}", subject="db")
    try:
        return Base.from_json(told)
    except (KeyError, ValueError) as error:
        raise OperationFailed("PostgreSQL does not say where a base begins", subject="db") from error
