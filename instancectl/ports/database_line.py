"""A connection to PostgreSQL that answers within a deadline or says that it did not."""

from __future__ import annotations

from typing import Protocol, TypeAlias

Row: TypeAlias = tuple[str | None, ...]


class DatabaseLine(Protocol):
    """Kept open between questions; lost connections are made anew with the next one."""

    def ask(self, query: str) -> list[Row]:
        """All rows, as text; None for NULL.

        Raises `Unreachable` when there is no complete answer within the deadline, and `OperationFailed` when
        PostgreSQL refused: its subject is the five characters of the SQLSTATE.
        """

    def greet(self) -> None:
        """Open a second connection, select something, close it.

        A postmaster that is frozen still leaves the first one served. Raises like `ask`.
        """
