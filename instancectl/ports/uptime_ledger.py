"""Where every slice is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import Counts, Verdict


class UptimeLedger(Protocol):
    """Survives its process at any moment. Methods raise `OperationFailed` when the file cannot be used."""

    def record(self, slice_number: int, verdicts: Mapping[str, Verdict], cause: str) -> None:
        """One slice; slices nobody recorded since the last one become unknown.

        A slice that is not after the last recorded one changes nothing.
        """

    def fill(self, sli: str, told: Sequence[Spell]) -> int:
        """Let what others measured stand for unknown slices, and bad for good ones; how many were changed.

        What was bad stays bad, and nothing is added before the first or behind the last slice.
        """

    def filled(self) -> Mapping[str, int]:
        """Slices that were unknown until others' measurements were filled in, since the ledger began."""

    def totals(self) -> Mapping[str, Counts]:
        """Everything since the ledger began."""

    def days(self, sli: str) -> Mapping[date, Counts]:
        """Day by day, in UTC."""

    def spells(self, sli: str, last: int) -> tuple[Spell, ...]:
        """The last stretches of slices of one verdict, oldest first."""

    def note_free(self, at: float, area: str, free_bytes: int) -> None:
        """Remember how much room there was; what is older than a week is forgotten."""

    def free_history(self, area: str) -> tuple[tuple[float, float], ...]:
        """What was noted, oldest first: seconds since 1970, bytes."""
