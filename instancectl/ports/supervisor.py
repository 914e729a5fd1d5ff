"""Whoever started this process and will end it."""

from __future__ import annotations

from typing import Protocol


class Supervisor(Protocol):
    """systemd, or a person at a terminal."""

    def ready(self) -> None:
        """Say that the work has begun."""

    def tell(self, sentence: str) -> None:
        """Say how it is, and that this process is alive."""

    def wait(self, seconds: float) -> bool:
        """Wait; true at once when somebody asked to stop."""
