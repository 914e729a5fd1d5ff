"""A history of readings in memory.

ring = FakeRing()
ring.add(1_795_326_300.0, {("instancectl_db_connections", ""): 9.0})
ring.broken = True                # every call raises from now on
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from instancectl.core.monitoring.panels import MOST_KEYS, Key
from instancectl.core.monitoring.ring import TIERS, WINDOWS, History, added, history
from instancectl.errors import OperationFailed


class FakeRing:
    """See `ports.reading_ring.ReadingRing`."""

    def __init__(self) -> None:
        self.places: dict[Key, int] = {}
        self.slots: dict[tuple[int, int], tuple[int, bytes]] = {}
        self.broken = False

    def add(self, at: float, points: Mapping[Key, float]) -> None:
        self._use()
        for key in points:
            if key not in self.places and len(self.places) < MOST_KEYS:
                self.places[key] = len(self.places)
        placed = {self.places[key]: value for key, value in points.items() if key in self.places}
        for tier in TIERS:
            period = tier.period(at)
            where = (tier.number, period % tier.slots)
            before, cells = self.slots.get(where, (period, b""))
            self.slots[where] = (period, added(cells if before == period else b"", placed))

    def keys(self) -> Sequence[Key]:
        self._use()
        return tuple(self.places)

    def history(self, keys: Sequence[Key], window: str, now: float) -> History:
        self._use()
        tier = WINDOWS[window][1]
        slots = {
            period: cells for (number, _), (period, cells) in self.slots.items() if number == tier.number
        }
        return history(window, now, slots, [self.places.get(key) for key in keys])

    def _use(self) -> None:
        if self.broken:
            raise OperationFailed("cannot use the history of readings: disk full")
