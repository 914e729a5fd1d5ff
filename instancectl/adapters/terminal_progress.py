"""How far a stream is, on one line that overwrites itself; nothing where there is no terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from instancectl.core.units import show_bytes, show_seconds

EVERY_SECONDS = 0.5
LEAST_SECONDS = 2.0
"""Before that, nobody can say how long it will take."""


class TerminalProgress:
    """See `ports.progress.Progress`."""

    def __init__(self, *, quiet: bool, stream: TextIO = sys.stderr) -> None:
        """Only for people who look."""
        shown = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._on = shown and not quiet and not os.environ.get("INSTANCECTL_NO_PROGRESS")
        self._stream = stream
        self._what, self._expected, self._done = "", 0, 0
        self._began = self._said = 0.0

    def begins(self, what: str, expected_bytes: int) -> None:
        """Remember."""
        self._what, self._expected, self._done = what, expected_bytes, 0
        self._began = self._said = time.monotonic()

    def advanced(self, amount: int) -> None:
        """Say it, now and then."""
        self._done += amount
        now = time.monotonic()
        if self._on and now - self._said >= EVERY_SECONDS:
            self._said = now
            self._stream.write(f"\r\033[K… {self._line(now - self._began)}")
            self._stream.flush()

    def ended(self) -> None:
        """Clear the line."""
        if self._on:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def _line(self, seconds: float) -> str:
        rate = self._done / max(seconds, 0.001)
        line = f"{self._what}: {show_bytes(self._done)}"
        if self._expected > self._done:
            line += f" of about {show_bytes(self._expected)}"
        line += f", {show_bytes(int(rate))}/s"
        if self._expected > self._done and seconds >= LEAST_SECONDS:
            line += f", about {show_seconds(round((self._expected - self._done) / rate))} left"
        return line
