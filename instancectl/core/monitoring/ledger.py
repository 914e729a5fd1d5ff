"""Stretches of slices of one verdict, for stories of what happened when."""

from __future__ import annotations

from dataclasses import dataclass

from instancectl.core.monitoring.sli import SLICE_SECONDS, Verdict


@dataclass(frozen=True, slots=True)
class Spell:
    """Slices `first` to `last`, both included; `cause` names what was broken, empty when nothing was."""

    first: int
    last: int
    verdict: Verdict
    cause: str = ""

    @property
    def seconds(self) -> int:
        """How long it lasted."""
        return (self.last - self.first + 1) * SLICE_SECONDS

    @property
    def began_at(self) -> int:
        """Seconds since 1970."""
        return self.first * SLICE_SECONDS
