"""The uptime ledger: one SQLite file that survives a kill at any moment.

One transaction a slice. With write-ahead logging a killed process loses nothing that was committed, and a
power loss at most the last slices, which then are unknown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from instancectl.adapters.sqlite.file import Shape, SqliteFile
from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import Counts, Verdict, days_of

FREE_KEPT_SECONDS = 7 * 86400
SPELLS_KEPT = 5000
"""Of each indicator; even a verdict that flips every minute fills them in three days only."""

_SCHEMA = """
create table if not exists day (
  sli text not null, day text not null, good integer not null default 0, bad integer not null default 0,
  unknown integer not null default 0, primary key (sli, day)) without rowid;
create table if not exists spell (
  sli text not null, first integer not null, last integer not null, verdict text not null,
  cause text not null, primary key (sli, first)) without rowid;
create table if not exists filled (sli text primary key, slices integer not null) without rowid;
create table if not exists free (
  area text not null, at real not null, bytes integer not null, primary key (area, at)) without rowid;
"""

_ADD = """
insert into day (sli, day, {0}) values (?, ?, ?)
on conflict (sli, day) do update set {0} = {0} + excluded.{0}
"""
_FILLED = "insert into filled values (?, ?) on conflict (sli) do update set slices = slices + excluded.slices"
_NEWEST = "select last from spell where sli = ? order by first desc limit 1"
_COLUMN = {verdict: _ADD.format(verdict.value) for verdict in Verdict}
_LESS = {
    verdict: f"update day set {verdict.value} = {verdict.value} - ? where sli = ? and day = ?"  # noqa: S608 - of ours
    for verdict in Verdict
}


class SqliteLedger:
    """See `ports.uptime_ledger.UptimeLedger`; safe for several threads, which take turns."""

    def __init__(self, path: Path) -> None:
        """The file is made when it is first used."""
        self._file = SqliteFile(path, Shape("the uptime ledger", _SCHEMA))

    def record(self, slice_number: int, verdicts: Mapping[str, Verdict], cause: str) -> None:
        """One slice; gaps before it become unknown."""

        def work(db: sqlite3.Connection) -> None:
            for sli, verdict in verdicts.items():
                newest = db.execute(_NEWEST, (sli,)).fetchone()
                before = newest[0] if newest else slice_number - 1
                if slice_number <= before:
                    continue
                if before + 1 < slice_number:
                    _append(db, sli, before + 1, slice_number - 1, Verdict.UNKNOWN, "")
                _append(db, sli, slice_number, slice_number, verdict, cause)

        self._file.transact(work)

    def fill(self, sli: str, told: Sequence[Spell]) -> int:
        """Slices that others measured; see the port."""

        def work(db: sqlite3.Connection) -> int:
            return sum(_fill(db, sli, spell) for spell in told if spell.verdict is not Verdict.UNKNOWN)

        return self._file.transact(work)

    def filled(self) -> Mapping[str, int]:
        """Slices that were unknown before."""
        return dict(self._file.read("select sli, slices from filled"))

    def totals(self) -> Mapping[str, Counts]:
        """Everything since the ledger began."""
        query = "select sli, sum(good), sum(bad), sum(unknown) from day group by sli"
        return {sli: Counts(*counts) for sli, *counts in self._file.read(query)}

    def days(self, sli: str) -> Mapping[date, Counts]:
        """Day by day."""
        query = "select day, good, bad, unknown from day where sli = ? order by day"
        return {date.fromisoformat(day): Counts(*counts) for day, *counts in self._file.read(query, sli)}

    def spells(self, sli: str, last: int) -> tuple[Spell, ...]:
        """The last stretches, oldest first."""
        query = "select first, last, verdict, cause from spell where sli = ? order by first desc limit ?"
        found = [Spell(first, end, Verdict(verdict), cause)
                 for first, end, verdict, cause in self._file.read(query, sli, last)]  # fmt: skip
        return tuple(reversed(found))

    def note_free(self, at: float, area: str, free_bytes: int) -> None:
        """Remember how much room there was."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("insert or replace into free values (?, ?, ?)", (area, at, free_bytes))
            db.execute("delete from free where at < ?", (at - FREE_KEPT_SECONDS,))

        self._file.transact(work)

    def free_history(self, area: str) -> tuple[tuple[float, float], ...]:
        """What was noted, oldest first."""
        return tuple(self._file.read("select at, bytes from free where area = ? order by at", area))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _append(db: sqlite3.Connection, sli: str, first: int, last: int, verdict: Verdict, cause: str) -> None:
    for day, slices in days_of(first, last):
        db.execute(_COLUMN[verdict], (sli, day.isoformat(), slices))
    told = cause if verdict is Verdict.BAD else ""
    grown = db.execute(
        "update spell set last = ? where sli = ? and last = ? and verdict = ? and cause = ?",
        (last, sli, first - 1, verdict.value, told),
    )
    if grown.rowcount == 0:
        db.execute("insert into spell values (?, ?, ?, ?, ?)", (sli, first, last, verdict.value, told))
        db.execute(
            "delete from spell where sli = ? and first <= "
            "(select first from spell where sli = ? order by first desc limit 1 offset ?)",
            (sli, sli, SPELLS_KEPT),
        )


def _fill(db: sqlite3.Connection, sli: str, told: Spell) -> int:
    """Replace the lesser slices within one stretch that somebody else measured; how many there were."""
    cause = told.cause if told.verdict is Verdict.BAD else ""
    lesser = db.execute(
        "select first, last, verdict, cause from spell where sli = ? and first <= ? and last >= ? "
        "and (verdict = 'unknown' or (verdict = 'good' and ? = 'bad'))",
        (sli, told.last, told.first, told.verdict.value),
    ).fetchall()
    filled = 0
    for first, last, *before in lesser:
        begin, end = max(first, told.first), min(last, told.last)
        db.execute("delete from spell where sli = ? and first = ?", (sli, first))
        parts = ((first, begin - 1, *before), (begin, end, told.verdict.value, cause),
                 (end + 1, last, *before))  # fmt: skip
        for part in parts:
            if part[0] <= part[1]:
                db.execute("insert into spell values (?, ?, ?, ?, ?)", (sli, *part))
        for day, slices in days_of(begin, end):
            db.execute(_LESS[Verdict(before[0])], (slices, sli, day.isoformat()))
            db.execute(_COLUMN[told.verdict], (sli, day.isoformat(), slices))
            if before[0] == Verdict.UNKNOWN:
                db.execute(_FILLED, (sli, slices))
        _join(db, sli, begin)
        _join(db, sli, end + 1)
        filled += end - begin + 1
    return filled


def _join(db: sqlite3.Connection, sli: str, at: int) -> None:
    """Two stretches that meet before slice `at` and say the same become one."""
    row = db.execute(
        "select l.first, r.last from spell l, spell r where l.sli = ?1 and r.sli = ?1 and l.last = ?2 - 1 "
        "and r.first = ?2 and l.verdict = r.verdict and l.cause = r.cause",
        (sli, at),
    ).fetchone()
    if row is not None:
        db.execute("delete from spell where sli = ? and first = ?", (sli, at))
        db.execute("update spell set last = ? where sli = ? and first = ?", (row[1], sli, row[0]))
