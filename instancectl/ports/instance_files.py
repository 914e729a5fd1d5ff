"""The directory of an instance: its settings and secrets."""

from __future__ import annotations

from typing import Protocol


class InstanceFiles(Protocol):
    """Small files, readable by their owner only."""

    @property
    def location(self) -> str:
        """Its path."""
        ...

    def put(self, name: str, content: bytes) -> str:
        """Write a file, whole or not at all; returns the name that a different one was moved to, or nothing.

        Raises `ConfigError` when it cannot be written.
        """
        ...
