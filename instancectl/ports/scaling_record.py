"""What the autoscaler remembers, saw and decided; kept for 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision as it was kept: `at` in seconds since 1970; `outcome` empty until it was acted upon."""

    at: float
    decision: Mapping[str, Any]
    outcome: str = ""
    number: int = 0


class ScalingRecord(Protocol):
    """Methods raise `OperationFailed` when the file cannot be used."""

    def memory(self) -> Mapping[str, Any] | None:
        """What the last sample left behind; None before the first."""

    def keep(
        self,
        at: float,
        memory: Mapping[str, Any],
        row: Mapping[str, Any] | None,
        decisions: Sequence[Mapping[str, Any]],
    ) -> tuple[int, ...]:
        """Write down a sample, what follows from it, and what is to be remembered: all of it or nothing.

        Returns:
            The numbers of the decisions, for `ended`.
        """

    def ended(self, number: int, outcome: str) -> None:
        """How acting upon a decision ended."""

    def decisions(self, since: float, until: float) -> tuple[Decided, ...]:
        """Oldest first."""

    def rows(self, since: float, until: float) -> tuple[tuple[float, Mapping[str, Any]], ...]:
        """Samples, oldest first."""
