"""A PostgreSQL that knows the answers to monitoring's questions.

line = FakeDatabaseLine()
line.rows[postgres.UPDATES] = [("0", "t", "1")]
line.refusal = "42P01"           # every question is refused with this SQLSTATE
"""

from __future__ import annotations

from instancectl.core.monitoring import postgres
from instancectl.errors import OperationFailed, Unreachable
from instancectl.ports.database_line import Row


class FakeDatabaseLine:
    """See `ports.database_line.DatabaseLine`."""

    def __init__(self) -> None:
        self.unreachable = False
        self.refusal = ""
        self.rows: dict[str, list[Row]] = {
            postgres.QUICK: [("9", "200", "0.5", "0")],
            postgres.STANDBYS: [],
            postgres.SIZES: [("12345678",)],
            postgres.TABLES: [("statuses", "9000", "90", "10")],
            postgres.PEOPLE: [("users", "active", "3"), ("reports", "open", "0"), ("reports", "oldest", "0")],
            postgres.UPDATES: [("0", "t", "1")],
            postgres.SIGNUPS: [("10", "--- open\n")],
        }

    def ask(self, query: str) -> list[Row]:
        self._reach()
        return self.rows[query]

    def greet(self) -> None:
        self._reach()

    def _reach(self) -> None:
        if self.unreachable:
            raise Unreachable("PostgreSQL: connection refused", subject="db")
        if self.refusal:
            raise OperationFailed("PostgreSQL refused: no", subject=self.refusal)
