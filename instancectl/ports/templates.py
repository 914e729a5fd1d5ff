"""Turns templates into files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Templates(Protocol):
    """The templates shipped with instancectl."""

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """Render one; an undefined value is an error, never an empty string."""

    def text(self, name: str) -> str:
        """A file as it is."""
