"""A clock that moves only when somebody sleeps on it.

clock = FakeClock()
clock.sleep(5)              # returns at once; five seconds have passed
clock.after(3, deploy)      # somebody else does that while the three seconds are slept through
"""

from __future__ import annotations

from collections.abc import Callable


class FakeClock:
    """See `ports.clock.Clock`. `slept` lists every pause, seconds."""

    def __init__(self, epoch_seconds: float = 1_800_000_000.0) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._epoch_seconds = epoch_seconds

    def monotonic_seconds(self) -> float:
        return self.now

    def epoch_seconds(self) -> float:
        return self._epoch_seconds + self.now

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        self._due.append((self.now + seconds, what))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        while due := next((one for one in self._due if one[0] <= self.now), None):
            self._due.remove(due)
            due[1]()
