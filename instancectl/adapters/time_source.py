"""Asks the kernel whether its clock is synchronised, the way `timedatectl` does."""

from __future__ import annotations

import ctypes
import time

_TIME_ERROR = 5
"""Return value of adjtimex(2) while nothing disciplines the clock."""


class KernelClock:
    """See `ports.time_source.TimeSource`."""

    def epoch_seconds(self) -> float:
        """Since 1970, UTC."""
        return time.time()

    def synchronised(self) -> bool | None:
        """Reading needs no privilege; a kernel or C library without the call says nothing."""
        try:
            call = ctypes.CDLL(None, use_errno=True).adjtimex
        except (AttributeError, OSError):
            return None
        # Mode 0 only reads; the structure is at most 208 bytes on Linux.
        state = int(call(ctypes.create_string_buffer(512)))
        return None if state < 0 else state != _TIME_ERROR
