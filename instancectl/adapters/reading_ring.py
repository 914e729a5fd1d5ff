"""The ring of readings in one SQLite file; every reading writes one row in each tier, and nothing else."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from instancectl.core.monitoring.panels import MOST_KEYS, Key
from instancectl.core.monitoring.ring import TIERS, WINDOWS, History, added, history
from instancectl.errors import OperationFailed

T = TypeVar("T")

_SCHEMA = """
create table if not exists line (
  place integer primary key, metric text not null, label text not null, unique (metric, label));
create table if not exists slot (
  tier integer not null, slot integer not null, period integer not null, cells blob not null,
  primary key (tier, slot)) without rowid;
"""
_CELLS = "select cells from slot where tier = ? and slot = ? and period = ?"
_SINCE = "select period, cells from slot where tier = ? and period > ?"


class SqliteRing:
    """See `ports.reading_ring.ReadingRing`; safe for several threads, which take turns."""

    def __init__(self, path: Path) -> None:
        """The file is made when it is first used."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._places: dict[Key, int] = {}

    def add(self, at: float, points: Mapping[Key, float]) -> None:
        """One reading, in one transaction."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("begin immediate")
            try:
                placed = ((self._place(db, key), value) for key, value in points.items())
                self._write(db, at, {place: value for place, value in placed if place is not None})
            except BaseException:
                db.execute("rollback")
                self._places.clear()
                raise
            db.execute("commit")

        self._use(work)

    def keys(self) -> Sequence[Key]:
        """Every line that was ever seen."""
        return self._use(lambda _: tuple(self._places)) if self._path.exists() else ()

    def history(self, keys: Sequence[Key], window: str, now: float) -> History:
        """Some lines over one window."""
        seconds, tier = WINDOWS[window]
        since = tier.period(now - seconds)

        def work(db: sqlite3.Connection) -> History:
            slots = dict(db.execute(_SINCE, (tier.number, since)).fetchall())
            return history(window, now, slots, [self._places.get(key) for key in keys])

        if not self._path.exists():
            return history(window, now, {}, [None for _ in keys])
        return self._use(work)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _place(self, db: sqlite3.Connection, key: Key) -> int | None:
        """Where a line's cell is; None when there are too many lines already."""
        if key not in self._places:
            if len(self._places) >= MOST_KEYS:
                return None
            place = len(self._places)
            db.execute("insert into line values (?, ?, ?)", (place, *key))
            self._places[key] = place
        return self._places[key]

    @staticmethod
    def _write(db: sqlite3.Connection, at: float, placed: Mapping[int, float]) -> None:
        for tier in TIERS:
            period = tier.period(at)
            slot = period % tier.slots
            found = db.execute(_CELLS, (tier.number, slot, period)).fetchone()
            cells = added(found[0] if found else b"", placed)
            db.execute("insert or replace into slot values (?, ?, ?, ?)", (tier.number, slot, period, cells))

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
                    f"cannot use the history of readings `{self._path}`: {error}",
                    hint=f"is the disk full? try `df -h`; a damaged file: `rm {self._path}`",
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
            made.execute("pragma synchronous = normal")
            made.executescript(_SCHEMA)
            rows = made.execute("select metric, label, place from line order by place")
            self._places = {(metric, label): place for metric, label, place in rows}
            self._connection = made
        return self._connection
