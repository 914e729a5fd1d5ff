"""The spool of messages: one SQLite file, each change its own durable transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from instancectl.errors import OperationFailed
from instancectl.ports.alert_spool import MOST_WAITING, Outcome, Waiting

T = TypeVar("T")

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
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

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

        return self._transact(work)

    def due(self, now: float) -> tuple[Waiting, ...]:
        """What should be tried now."""
        query = (
            "select number, key, receiver, body, accepted_at, attempts from waiting where next_at <= ? "
            "order by number limit ?"
        )
        return tuple(Waiting(*row) for row in self._read(query, now, DUE_AT_ONCE))

    def delivered(self, one: Waiting, now: float) -> None:
        """It got through."""
        self._transact(lambda db: _ended(db, one, now, ""))

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

        self._transact(work)

    def waiting(self) -> Mapping[str, int]:
        """Receiver → messages."""
        return dict(self._read("select receiver, count(*) from waiting group by receiver"))

    def outcomes(self, key: str) -> tuple[Outcome, ...]:
        """How each receiver's last attempt went."""
        query = "select receiver, at, error from outcome where key = ? order by receiver"
        return tuple(Outcome(*row) for row in self._read(query, key))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        return self._use(lambda db: db.execute(query, values).fetchall())

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def whole(db: sqlite3.Connection) -> T:
            db.execute("begin immediate")
            try:
                found = work(db)
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")
            return found

        return self._use(whole)

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return work(self._open())
            except sqlite3.Error as error:
                with suppress(sqlite3.Error):
                    if self._connection is not None:
                        self._connection.close()
                self._connection = None
                raise OperationFailed(
                    f"cannot use the messages in `{self._path}`: {error}",
                    hint=f"is the disk full? try `df -h`; a damaged file: `mv {self._path}{{,.broken}}`",
                    subject=str(self._path),
                ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise sqlite3.OperationalError(str(error)) from error
            made = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
            made.execute("pragma journal_mode = wal")
            # Alertmanager forgets what was accepted: it must be on the disk by then.
            made.execute("pragma synchronous = full")
            made.executescript(_SCHEMA)
            self._path.chmod(0o600)
            self._connection = made
        return self._connection


def _ended(db: sqlite3.Connection, one: Waiting, now: float, error: str) -> None:
    db.execute("delete from waiting where number = ?", (one.number,))
    _told(db, one, now, error)


def _told(db: sqlite3.Connection, one: Waiting, now: float, error: str) -> None:
    db.execute("insert or replace into outcome values (?, ?, ?, ?)", (one.key, one.receiver, now, error))
