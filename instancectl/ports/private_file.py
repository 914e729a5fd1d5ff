"""One file that only its owner may read."""

from __future__ import annotations

from typing import Protocol


class PrivateFile(Protocol):
    """Every method raises `OperationFailed` when the disk refuses."""

    @property
    def location(self) -> str:
        """Where it is, for people."""
        ...

    def exists(self) -> bool:
        """Whether it is there."""
        ...

    def create(self, text: str) -> None:
        """Write it; refused when it exists."""
        ...

    def read(self) -> str:
        """Its text."""
        ...

    def remove(self) -> None:
        """Remove it beyond plain sight; absent is fine."""
        ...
