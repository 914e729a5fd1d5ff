"""The spool of messages: one SQLite file, each change its own durable transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from instancectl.adapters.sqlite.file import Shape, SqliteFile
from instancectl.ports.alert_spool import MOST_WAITING, Outcome, Waiting

OUTCOMES_KEPT_SECONDS = 7 * 86400
DUE_AT_ONCE = 100

_SCHEMA = """
create table if not exists waiting (
  number integer primary key, key text not null, receiver text not null, body blob not null,
  accepted_at real not null, attempts integer not null default 0, next_at real not null,
  unique (key, receiver));
create table if not exists outcome (
  key text not null, receiver text not null, at real not null, error text not null,
  primary key (key, receiver)) without rowid;
"""


class SqliteSpool:
    """See `ports.alert_spool.AlertSpool`; safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        """The file is made when it is first written."""
        # Alertmanager forgets what was accepted: it must be on the disk by then.
        shape = Shape("the messages in", _SCHEMA, each_on_disk=True, private=True)
        self._file = SqliteFile(path, shape)

    def accept(self, key: str, body: bytes, receivers: tuple[str, ...], now: float) -> bool:
        """Keep a message, or refuse it whole."""

        def work(db: sqlite3.Connection) -> bool:
            count = db.execute("select count(*) from waiting").fetchone()[0]
            if count + len(receivers) > MOST_WAITING:
                return False
            db.executemany(
                "insert or ignore into waiting (key, receiver, body, accepted_at, next_at) "
                "values (?, ?, ?, ?, ?)",
                [(key, receiver, body, now, now) for receiver in receivers],
            )
            db.executemany(
                "delete from outcome where key = ? and receiver = ?", [(key, each) for each in receivers]
            )
            db.execute("delete from outcome where at < ?", (now - OUTCOMES_KEPT_SECONDS,))
            return True

        return self._file.transact(work)

    def due(self, now: float) -> tuple[Waiting, ...]:
        """What should be tried now."""
        query = (
            "select number, key, receiver, body, accepted_at, attempts from waiting where next_at <= ? "
            "order by number limit ?"
        )
        return tuple(Waiting(*row) for row in self._file.read(query, now, DUE_AT_ONCE))

    def delivered(self, one: Waiting, now: float) -> None:
        """It got through."""
        self._file.transact(lambda db: _ended(db, one, now, ""))

    def failed(self, one: Waiting, error: str, now: float, next_at: float | None) -> None:
        """It did not."""

        def work(db: sqlite3.Connection) -> None:
            if next_at is None:
                _ended(db, one, now, error)
                return
            db.execute(
                "update waiting set attempts = attempts + 1, next_at = ? where number = ?",
                (next_at, one.number),
            )
            _told(db, one, now, error)

        self._file.transact(work)

    def waiting(self) -> Mapping[str, int]:
        """Receiver → messages."""
        return dict(self._file.read("select receiver, count(*) from waiting group by receiver"))

    def outcomes(self, key: str) -> tuple[Outcome, ...]:
        """How each receiver's last attempt went."""
        query = "select receiver, at, error from outcome where key = ? order by receiver"
        return tuple(Outcome(*row) for row in self._file.read(query, key))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _ended(db: sqlite3.Connection, one: Waiting, now: float, error: str) -> None:
    db.execute("delete from waiting where number = ?", (one.number,))
    _told(db, one, now, error)


def _told(db: sqlite3.Connection, one: Waiting, now: float, error: str) -> None:
    db.execute("insert or replace into outcome values (?, ?, ?, ?)", (one.key, one.receiver, now, error))
