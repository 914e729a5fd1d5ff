"""A clock that stands still.

clock = FakeTime()
clock.kept = False      # nothing disciplines it
"""

from __future__ import annotations

from tests.fakes.http import NOW


class FakeTime:
    """See `ports.time_source.TimeSource`."""

    def __init__(self) -> None:
        self.now = NOW
        self.kept: bool | None = True

    def epoch_seconds(self) -> float:
        return self.now

    def synchronised(self) -> bool | None:
        return self.kept
