"""PostgreSQL, read by a role of its own."""

from instancectl.adapters.postgres.line import PostgresLine
from instancectl.adapters.postgres.wire import Login

__all__ = ["Login", "PostgresLine"]
