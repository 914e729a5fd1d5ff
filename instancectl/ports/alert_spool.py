"""Messages that were accepted and have not reached every receiver yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

MOST_WAITING = 2000
"""(message, receiver) pairs; whoever would exceed that is refused and has to come again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message for one receiver.

    Attributes:
        key: equal for the same news.
        body: as it was accepted.
        accepted_at: seconds since 1970.
        attempts: that failed so far.
    """

    number: int
    key: str
    receiver: str
    body: bytes
    accepted_at: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last message of a key ended for one receiver; `error` is empty when it got through."""

    receiver: str
    at: float
    error: str


class AlertSpool(Protocol):
    """Survives a kill at any moment: a message is in it before it is accepted, until it is delivered."""

    def accept(self, key: str, body: bytes, receivers: tuple[str, ...], now: float) -> bool:
        """Keep a message for each receiver; False when there is no room, and then nothing is kept.

        A message of the same key that still waits for a receiver is not doubled.

        Raises:
            OperationFailed: nothing can be written.
        """

    def due(self, now: float) -> tuple[Waiting, ...]:
        """What should be tried now, oldest first."""

    def delivered(self, one: Waiting, now: float) -> None:
        """It got through."""

    def failed(self, one: Waiting, error: str, now: float, next_at: float | None) -> None:
        """It did not; without `next_at` it is given up and forgotten."""

    def waiting(self) -> Mapping[str, int]:
        """Receiver → messages that wait for it."""

    def outcomes(self, key: str) -> tuple[Outcome, ...]:
        """How each receiver's last attempt at a key went."""
