"""WAL that was received on this host and waits to be sent away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One whole segment; `run` is the directory of the receiver's run, the newest the highest."""

    name: str
    run: int
    size: int


class WalSpool(Protocol):
    """What a receiver has put down. Every method raises `OperationFailed` when it cannot be looked at."""

    def segments(self, system: str) -> tuple[Segment, ...]:
        """Whole segments of that cluster, in order; a name may be there from two runs."""
        ...

    def read(self, system: str, segment: Segment) -> Iterator[bytes]:
        """Its content in pieces."""
        ...

    def remove(self, system: str, segment: Segment) -> None:
        """Let go of it; absent is fine."""
        ...
