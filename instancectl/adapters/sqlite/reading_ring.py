"""The ring of readings in one SQLite file; every reading writes one row in each tier, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from instancectl.adapters.sqlite.file import Shape, SqliteFile
from instancectl.core.monitoring.panels import MOST_KEYS, Key
from instancectl.core.monitoring.ring import TIERS, WINDOWS, History, added, history

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
        self._file = SqliteFile(path, Shape("the history of readings", _SCHEMA, mend="rm {path}"))
        self._places: dict[Key, int] | None = None

    def add(self, at: float, points: Mapping[Key, float]) -> None:
        """One reading, in one transaction."""

        def work(db: sqlite3.Connection) -> None:
            places = self._places_in(db)
            placed = ((_place(db, places, key), value) for key, value in points.items())
            _write(db, at, {place: value for place, value in placed if place is not None})

        try:
            self._file.transact(work)
        except BaseException:
            self._places = None  # what was not written has no place
            raise

    def keys(self) -> Sequence[Key]:
        """Every line that was ever seen."""
        return self._file.use(lambda db: tuple(self._places_in(db))) if self._file.exists else ()

    def history(self, keys: Sequence[Key], window: str, now: float) -> History:
        """Some lines over one window."""
        seconds, tier = WINDOWS[window]
        since = tier.period(now - seconds)

        def work(db: sqlite3.Connection) -> History:
            slots = dict(db.execute(_SINCE, (tier.number, since)).fetchall())
            places = self._places_in(db)
            return history(window, now, slots, [places.get(key) for key in keys])

        if not self._file.exists:
            return history(window, now, {}, [None for _ in keys])
        return self._file.use(work)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _places_in(self, db: sqlite3.Connection) -> dict[Key, int]:
        """Where each line's cell is, as the file says; read once."""
        if self._places is None:
            rows = db.execute("select metric, label, place from line order by place")
            self._places = {(metric, label): place for metric, label, place in rows}
        return self._places


def _place(db: sqlite3.Connection, places: dict[Key, int], key: Key) -> int | None:
    """Where a line's cell is; None when there are too many lines already."""
    if key not in places:
        if len(places) >= MOST_KEYS:
            return None
        place = len(places)
        db.execute("insert into line values (?, ?, ?)", (place, *key))
        places[key] = place
    return places[key]


def _write(db: sqlite3.Connection, at: float, placed: Mapping[int, float]) -> None:
    for tier in TIERS:
        period = tier.period(at)
        slot = period % tier.slots
        found = db.execute(_CELLS, (tier.number, slot, period)).fetchone()
        cells = added(found[0] if found else b"", placed)
        db.execute("insert or replace into slot values (?, ?, ?, ?)", (tier.number, slot, period, cells))
