"""The history of what is charted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from instancectl.core.monitoring.panels import Key
from instancectl.core.monitoring.ring import History


class ReadingRing(Protocol):
    """Bounded, and as quick for the millionth reading as for the first.

    Methods raise `OperationFailed` when the file cannot be used.
    """

    def add(self, at: float, points: Mapping[Key, float]) -> None:
        """One reading."""

    def keys(self) -> Sequence[Key]:
        """Every line that was ever seen."""

    def history(self, keys: Sequence[Key], window: str, now: float) -> History:
        """Some lines over one of `core.monitoring.ring.WINDOWS`."""
