"""A clock that moves only when somebody sleeps on it.

clock = FakeClock()
clock.sleep(5)              # returns at once; five seconds have passed
"""

from __future__ import annotations


class FakeClock:
    """See `ports.clock.Clock`. `slept` lists every pause, seconds."""

    def __init__(self, epoch_seconds: float = 1_800_000_000.0) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._epoch_seconds = epoch_seconds

    def monotonic_seconds(self) -> float:
        return self.now

    def epoch_seconds(self) -> float:
        return self._epoch_seconds + self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
