"""Tells the person what is going on."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Progress; the answer itself is a `Result`."""

    def step_started(self, number: int, total: int, summary: str) -> None:
        """A step begins."""

    def step_done(self, summary: str, said: str, seconds: float) -> None:
        """It ended well; `said` is worth adding or empty."""

    def step_failed(self, summary: str) -> None:
        """It did not; the error follows."""

    def note(self, text: str) -> None:
        """Something worth saying meanwhile."""
