"""What earlier runs recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from instancectl.core.applied import Applied


class State(Protocol):
    """The instance's state directory."""

    def load(self) -> Applied:
        """The record; an empty one before the first deploy."""

    def save(self, applied: Applied) -> None:
        """Replace the record atomically."""

    def write_rendered(self, files: Mapping[str, str]) -> None:
        """Write the files an admin may read or deploy by hand; none is secret."""
