"""What the dashboard's server asks for while it answers a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from instancectl.core.monitoring.overview import Facts, Section


class Pages(Protocol):
    """Asked by many threads at once. Methods raise `InstanceError` when the ledger cannot be used."""

    @property
    def domain(self) -> str:
        """Of the instance."""

    def facts(self) -> Facts:
        """Everything a page is made of, as of now."""

    def section(self, slug: str, facts: Facts | None = None) -> Section:
        """One page of `core.monitoring.panels.PAGES`."""

    def series(self, slug: str, window: str) -> Mapping[str, Any] | None:
        """The lines of one panel over one window; None when there is no such panel or window."""

    def runbook(self, slug: str) -> str | None:
        """The text of a runbook; None when there is none."""
