"""A connection to Redis that answers within a deadline or says that it did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from instancectl.core.monitoring.sidekiq import Command, Reply


class RedisLine(Protocol):
    """Kept open between questions; lost connections are made anew with the next one."""

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """All replies, in one round trip; an error that Redis reports for one of them is None.

        Raises `Unreachable` when there is no complete answer within the deadline.
        """

    def greet(self) -> None:
        """Open a second connection, be answered, close it: a frozen server still holds the first one.

        Raises `Unreachable` when nobody answers.
        """
