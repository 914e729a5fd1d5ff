"""How far a long stream is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """One stream at a time."""

    def begins(self, what: str, expected_bytes: int) -> None:
        """A stream starts; 0: nobody knows how long it will be."""

    def advanced(self, amount: int) -> None:
        """So many bytes more."""

    def ended(self) -> None:
        """It is over, well or not."""
