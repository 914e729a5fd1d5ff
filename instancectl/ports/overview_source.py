"""Where a running agent's pages are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class OverviewSource(Protocol):
    """Asks the agent on this host."""

    @property
    def address(self) -> str:
        """The dashboard's, to open in a browser."""

    def read(self) -> Mapping[str, Any]:
        """All pages as plain values, see `core.monitoring.overview_json`.

        Raises `Unreachable` when no agent answers.
        """
