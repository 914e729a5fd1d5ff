"""Where the secrets of one instance are kept."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.secret_set import SecretSet


class SecretStore(Protocol):
    """Keeps secrets; what is there is never replaced."""

    @property
    def location(self) -> str:
        """Where they are, for people."""
        ...

    def load(self) -> SecretSet:
        """All secrets; an empty set when there are none yet.

        Raises:
            ConfigError: they cannot be read, or others could read them too.
        """
        ...

    def add(self, secrets: SecretSet) -> tuple[str, ...]:
        """Store those of `secrets` that have no value yet, all or none; returns their names.

        Raises:
            ConfigError: they cannot be stored.
        """
        ...
