"""What the dashboard's server asks for when somebody silences an alert, or looks at silences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """What a browser gets.

    Attributes:
        status: of HTTP.
        page: HTML; empty where it is sent elsewhere.
        location: where it is sent; a path of the dashboard.
    """

    status: int
    page: str = ""
    location: str = ""


class SilenceDesk(Protocol):
    """Asked by many threads at once. Never raises `InstanceError`: what went wrong is in the page."""

    def show(self, alert: str = "") -> Reply:
        """The silences of one alert and the form for another; of all alerts without a name."""

    def take(self, alert: str, fields: Mapping[str, str]) -> Reply:
        """Silence an alert as the form says."""

    def end(self, fields: Mapping[str, str]) -> Reply:
        """End one silence."""
