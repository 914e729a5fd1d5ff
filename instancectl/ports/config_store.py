"""Where the instance file is."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.config import InstanceConfig


class ConfigStore(Protocol):
    """Keeps one instance file; what is there is never replaced."""

    @property
    def location(self) -> str:
        """Where it is, for people."""
        ...

    def load(self) -> InstanceConfig | None:
        """The configuration, or None when there is no file.

        Raises:
            ConfigError: the file is wrong.
        """
        ...

    def create(self, text: str) -> None:
        """Write a new file, whole or not at all.

        Raises:
            ConfigError: it exists, or cannot be written.
        """
        ...
