"""One connection of a role that may only read; the role is made when it is missing."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable

from instancectl.adapters.postgres.wire import Login, ServerError, Session
from instancectl.core.monitoring import postgres
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed, Unreachable
from instancectl.ports.database_line import Row

DEADLINE_SECONDS = 2.0

PREPARE_EVERY_SECONDS = 60.0
"""The role is not made over and over when that does not help."""

_NOT_LET_IN = {"28000", "28P01"}
_MAY_NOT = {"42501"}

Connect = Callable[[float], socket.socket]
"""A connected socket within so many seconds; raises OSError or Unreachable."""


class PostgresLine:
    """See `ports.database_line.DatabaseLine`; safe for several threads, which take turns."""

    def __init__(
        self, connect: Connect, owner_password: Secret, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        """Nothing is connected yet; the owner's password serves to make the role, and for nothing else."""
        self._connect, self._deadline = connect, deadline_seconds
        password = postgres.role_password(owner_password)
        self._login = Login(postgres.ROLE, postgres.DATABASE_NAME, password)
        self._owner = Login(postgres.OWNER_ROLE, postgres.DATABASE_NAME, owner_password)
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._prepared_at = -PREPARE_EVERY_SECONDS

    def ask(self, query: str) -> list[Row]:
        """All rows, as text."""
        deadline = time.monotonic() + self._deadline
        if not self._lock.acquire(timeout=self._deadline):
            raise Unreachable("PostgreSQL still owes an answer to an earlier question", subject="db")
        try:
            return self._translated(lambda: self._ask(query, deadline))
        finally:
            self._lock.release()

    def greet(self) -> None:
        """`select 1` over a connection of its own."""
        deadline = time.monotonic() + self._deadline
        self._translated(lambda: self._greet(deadline))

    def _greet(self, deadline: float) -> list[Row]:
        fresh = self._opened(deadline)
        try:
            return fresh.query("select 1", deadline)
        finally:
            fresh.close()

    def _translated(self, work: Callable[[], list[Row]]) -> list[Row]:
        try:
            return work()
        except ServerError as error:
            raise OperationFailed(
                f"PostgreSQL refused: {error.message}",
                hint="type `instancectl logs db`",
                subject=error.state,
            ) from error
        except (OSError, ValueError) as error:
            self.close()
            raise Unreachable(
                f"PostgreSQL: {_words(error, self._deadline)}",
                hint="type `instancectl logs db`",
                subject="db",
            ) from error

    def _ask(self, query: str, deadline: float) -> list[Row]:
        try:
            return self._tried(query, deadline)
        except ServerError as error:
            if error.state not in _MAY_NOT or not self._prepare(deadline):
                raise
            return self._tried(query, deadline)

    def _tried(self, query: str, deadline: float) -> list[Row]:
        if self._session is None:
            self._session = self._opened(deadline)
        try:
            return self._session.query(query, deadline)
        except (ConnectionError, ServerError) as error:
            if isinstance(error, ServerError) and not error.state.startswith("57P"):
                raise
            # PostgreSQL restarted in between: a question that only reads may be asked again.
            self.close()
            self._session = self._opened(deadline)
            return self._session.query(query, deadline)

    def _opened(self, deadline: float) -> Session:
        try:
            return self._logged_in(self._login, deadline)
        except ServerError as error:
            if error.state not in _NOT_LET_IN or not self._prepare(deadline):
                raise
            return self._logged_in(self._login, deadline)

    def _logged_in(self, login: Login, deadline: float) -> Session:
        connected = self._connect(max(0.05, deadline - time.monotonic()))
        try:
            return Session(connected, login, deadline)
        except BaseException:
            connected.close()
            raise

    def _prepare(self, deadline: float) -> bool:
        """Make the role and let it read what exists; whether that was tried now."""
        now = time.monotonic()
        if now - self._prepared_at < PREPARE_EVERY_SECONDS:
            return False
        self._prepared_at = now
        stored = postgres.verifier(self._login.password, secrets.token_bytes(16))
        session = self._logged_in(self._owner, deadline)
        try:
            for statement in (*postgres.role_statements(stored), *postgres.grant_statements()):
                session.query(statement, deadline)
        finally:
            session.close()
        return True

    def close(self) -> None:
        """Let go of the connection; the next question makes a new one."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _words(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:.0f} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(error) or "the connection closed"
