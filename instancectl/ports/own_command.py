"""Runs commands of our own as children: whatever memory they take is given back."""

from __future__ import annotations

from typing import Protocol


class OwnCommand(Protocol):
    """Of the same instance, without a terminal, answering yes to nothing."""

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code and output, stderr included; a command that takes longer than minutes is ended: 124."""

    def begin(self, *words: str) -> None:
        """Start it and leave it alone: it outlives whoever started it, and writes where that one writes.

        Raises:
            OperationFailed: it cannot be started.
        """
