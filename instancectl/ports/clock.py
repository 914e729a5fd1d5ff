"""Time."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Where a decision needs time, it gets it from here."""

    def monotonic_seconds(self) -> float:
        """For durations."""

    def epoch_seconds(self) -> float:
        """Wall-clock time since 1970, UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
