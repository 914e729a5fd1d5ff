"""The machine's clock."""

from __future__ import annotations

import time


class SystemClock:
    """See `ports.clock.Clock`."""

    def monotonic_seconds(self) -> float:
        """For durations."""
        return time.monotonic()

    def epoch_seconds(self) -> float:
        """Wall-clock time since 1970, UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
