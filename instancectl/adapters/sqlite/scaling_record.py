"""The autoscaler's record: one SQLite file, one transaction a sample, nothing older than 30 days.

A row is a few hundred bytes of JSON that repeats itself: deflated with a dictionary of its own it takes about
a third, so that 30 days of samples stay below 100 MB.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instancectl.adapters.sqlite.file import Shape, SqliteFile
from instancectl.ports.scaling_record import Decided

KEPT_SECONDS = 30 * 86400
_DICTIONARY = (
    b'"sidekiq-default":[1,0,0,0,0.0,"sidekiq-ingress":"sidekiq-mailers":"sidekiq-pull":"sidekiq-push":'
    b'"sidekiq":[1,0,0,0,{"queues":{"default":[0,0,0,null,0.0],"push":[0,0,0,null,0.0],"ingress":'
    b'[0,0,0,null,0.0],"mailers":[0,0,0,null,0.0],"pull":[0,0,0,null,0.0],"scheduler":[0,0,0,null,0.0],"fasp":'
    b'[0,0,0,null,0.0]},"services":{"web":[2,0,0.0,0.0,0.0],"hosts":"database":"mail":[0,0,"processed":'
    b'"signups":0,"registrations":"open","approved","none","ladder":0}'
)
_SCHEMA = """
create table if not exists memory (one integer primary key check (one = 1), content text not null);
create table if not exists sample (at real primary key, content blob not null) without rowid;
create table if not exists decision (
  number integer primary key autoincrement, at real not null, content text not null,
  outcome text not null default '');
create index if not exists decision_at on decision (at);
"""


class SqliteScalingRecord:
    """See `ports.scaling_record.ScalingRecord`; safe for several threads, which take turns."""

    def __init__(self, path: Path) -> None:
        """The file is made when it is first written to."""
        self._file = SqliteFile(path, Shape("the record of scaling", _SCHEMA))

    def memory(self) -> Mapping[str, Any] | None:
        """The last one."""
        found = self._file.read("select content from memory")
        if not found:
            return None
        remembered: dict[str, Any] = json.loads(found[0][0])
        return remembered

    def keep(
        self,
        at: float,
        memory: Mapping[str, Any],
        row: Mapping[str, Any] | None,
        decisions: Sequence[Mapping[str, Any]],
    ) -> tuple[int, ...]:
        """One transaction."""

        def work(db: sqlite3.Connection) -> tuple[int, ...]:
            db.execute("insert or replace into memory values (1, ?)", (json.dumps(memory),))
            if row is not None:
                db.execute("insert or replace into sample values (?, ?)", (at, _packed(row)))
            insert = "insert into decision (at, content) values (?, ?)"
            made = tuple(int(db.execute(insert, (at, json.dumps(one))).lastrowid or 0) for one in decisions)
            db.execute("delete from sample where at < ?", (at - KEPT_SECONDS,))
            db.execute("delete from decision where at < ?", (at - KEPT_SECONDS,))
            return made

        return self._file.transact(work)

    def ended(self, number: int, outcome: str) -> None:
        """Beside the decision."""
        update = "update decision set outcome = ? where number = ?"
        self._file.use(lambda db: db.execute(update, (outcome, number)))

    def decisions(self, since: float, until: float) -> tuple[Decided, ...]:
        """Oldest first."""
        query = "select at, content, outcome, number from decision where at between ? and ? order by number"
        return tuple(
            Decided(at, json.loads(content), outcome, number)
            for at, content, outcome, number in self._file.read(query, since, until)
        )

    def rows(self, since: float, until: float) -> tuple[tuple[float, Mapping[str, Any]], ...]:
        """Oldest first."""
        query = "select at, content from sample where at between ? and ? order by at"
        return tuple((at, _unpacked(content)) for at, content in self._file.read(query, since, until))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _packed(row: Mapping[str, Any]) -> bytes:
    deflate = zlib.compressobj(6, zdict=_DICTIONARY)
    return deflate.compress(json.dumps(row, separators=(",", ":")).encode()) + deflate.flush()


def _unpacked(content: bytes) -> Mapping[str, Any]:
    inflate = zlib.decompressobj(zdict=_DICTIONARY)
    row: dict[str, Any] = json.loads(inflate.decompress(content) + inflate.flush())
    return row
