"""One SQLite file of ours: opened when it is needed, used in turns, let go of when it fails."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from instancectl.errors import OperationFailed

T = TypeVar("T")

TURN_SECONDS = 5
"""How long another process may hold the file."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file is.

    Attributes:
        holds: its content, for a person.
        schema: statements that make it, or find it made.
        mend: what to type when it is damaged; `{path}` stands for the file.
        each_on_disk: whether every change is on the disk before it counts as made. Otherwise a power loss
            takes the last ones along; a killed process loses nothing either way.
        private: whether nobody else may read it.
    """

    holds: str
    schema: str
    mend: str = "mv {path}{{,.broken}}"
    each_on_disk: bool = False
    private: bool = False


class SqliteFile:
    """Safe for several threads, which take turns. Every failure is an `OperationFailed`."""

    def __init__(self, path: Path, shape: Shape) -> None:
        """The file is made when it is first used."""
        self._path, self._shape = path, shape
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self._path.exists()

    def read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of one query; reading makes no file."""
        if not self.exists:
            return []
        return self.use(lambda db: db.execute(query, values).fetchall())

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do all of it, or none."""

        def whole(db: sqlite3.Connection) -> T:
            db.execute("begin immediate")
            try:
                done = work(db)
            except BaseException:
                db.execute("rollback")
                raise
            db.execute("commit")
            return done

        return self.use(whole)

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something with the connection, when it is our turn."""
        with self._lock:
            try:
                return work(self._open())
            except (sqlite3.Error, OSError) as error:
                with suppress(sqlite3.Error):
                    if self._connection is not None:
                        self._connection.close()
                self._connection = None
                mend = self._shape.mend.format(path=self._path)
                raise OperationFailed(
                    f"cannot use {self._shape.holds} `{self._path}`: {error}",
                    hint=f"is the disk full? try `df -h`; a damaged file: `{mend}`",
                    subject=str(self._path),
                ) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Transactions are our own; threads take turns by the lock.
            made = sqlite3.connect(
                self._path, timeout=TURN_SECONDS, isolation_level=None, check_same_thread=False
            )
            made.execute("pragma journal_mode = wal")
            made.execute(f"pragma synchronous = {'full' if self._shape.each_on_disk else 'normal'}")
            made.executescript(self._shape.schema)
            if self._shape.private:
                self._path.chmod(0o600)
            self._connection = made
        return self._connection
