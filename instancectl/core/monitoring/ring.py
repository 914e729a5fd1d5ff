"""History in a ring: slots of falling resolution, each written over when its time comes round again."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_CELL: Final = struct.Struct("<fff")
"""Readings, their sum and the highest, of one line in one slot. Four bytes each are precise to 1 in 10⁷."""

_NOTHING: Final = _CELL.pack(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Tier:
    """Slots of one length."""

    number: int
    seconds: int
    slots: int

    @property
    def span_seconds(self) -> int:
        """How far back it reaches."""
        return self.seconds * self.slots

    def period(self, at: float) -> int:
        """Number of the slot's time since 1970."""
        return int(at // self.seconds)


TIERS: Final = (Tier(0, 15, 560), Tier(1, 120, 780), Tier(2, 900, 720), Tier(3, 3600, 760))
"""2 hours, 26 hours, 7 days and 31 days; about 2 MB with 60 lines."""

WINDOWS: Final[Mapping[str, tuple[int, Tier]]] = {
    "1h": (3600, TIERS[0]),
    "24h": (86400, TIERS[1]),
    "7d": (7 * 86400, TIERS[2]),
    "30d": (30 * 86400, TIERS[3]),
}
"""What can be looked at: seconds, and the tier that shows it with some 700 points at most."""


@dataclass(frozen=True, slots=True)
class History:
    """Lines over time.

    Attributes:
        times: beginnings of periods, seconds since 1970, without a hole.
        means: for each line, a value for each time; None where nobody looked.
        peaks: likewise, the highest reading.
    """

    times: tuple[int, ...]
    means: tuple[tuple[float | None, ...], ...]
    peaks: tuple[tuple[float | None, ...], ...]


def added(cells: bytes, places: Mapping[int, float]) -> bytes:
    """A slot's cells with one more reading of some lines: place → value."""
    changed = bytearray(cells)
    wanted = (max(places, default=-1) + 1) * _CELL.size
    while len(changed) < wanted:
        changed += _NOTHING
    for place, value in places.items():
        count, total, highest = _CELL.unpack_from(changed, place * _CELL.size)
        highest = max(highest, value) if count else value
        _CELL.pack_into(changed, place * _CELL.size, count + 1, total + value, highest)
    return bytes(changed)


def history(window: str, now: float, slots: Mapping[int, bytes], places: Sequence[int | None]) -> History:
    """Lines of one window.

    Args:
        window: a key of `WINDOWS`.
        now: seconds since 1970.
        slots: period → cells.
        places: of the wanted lines; None for one that was never seen.
    """
    seconds, tier = WINDOWS[window]
    last = tier.period(now)
    periods = range(last - seconds // tier.seconds + 1, last + 1)
    rows = [slots.get(period, b"") for period in periods]
    cells = [[_cell(row, place) for row in rows] for place in places]
    return History(
        tuple(period * tier.seconds for period in periods),
        tuple(tuple(total / count if count else None for count, total, _ in line) for line in cells),
        tuple(tuple(highest if count else None for count, _, highest in line) for line in cells),
    )


def _cell(row: bytes, place: int | None) -> tuple[float, float, float]:
    if place is None or len(row) < (place + 1) * _CELL.size:
        return 0.0, 0.0, 0.0
    return _CELL.unpack_from(row, place * _CELL.size)
