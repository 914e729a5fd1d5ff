"""Secrets: values that never show themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

REDACTED = "«redacted»"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that compares but refuses to be printed, formatted or serialised by accident."""

    _value: str

    def reveal(self) -> str:
        """The value itself, for the one place that hands it over."""
        return self._value

    def __repr__(self) -> str:
        """Never the value."""
        return REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Never the value."""
        return REDACTED

    def __bool__(self) -> bool:
        """Whether there is any value."""
        return bool(self._value)


NO_SECRET = Secret("")
"""Where there is none."""


def fingerprint(content: str | bytes) -> str:
    """First 12 hex digits of SHA-256: names immutable Swarm secrets and configs by content."""
    raw = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(raw).hexdigest()[:12]
