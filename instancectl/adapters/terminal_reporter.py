"""Progress on stderr: one line per step, readable without colour; what runs now turns on a terminal only."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

SIGNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
TURN_SECONDS = 0.12
TELL_AFTER_SECONDS = 3
GREEN, RED, DIM, PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[0m"


class TerminalReporter:
    """See `ports.reporter.Reporter`."""

    def __init__(self, *, quiet: bool, color: bool, stream: TextIO | None = None) -> None:
        """Colour only on a terminal that has any; started steps only where they can be overwritten.

        Without a stream it is stderr as it is now, which is not always the one of the program's start.
        """
        self._stream = stream = stream or sys.stderr
        self._quiet = quiet
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._color = color and terminal
        self._overwrite = terminal and not os.environ.get("INSTANCECTL_NO_PROGRESS")
        self._turning = _Turning(None, "")

    def step_started(self, number: int, total: int, summary: str) -> None:
        """Show what runs now, to be overwritten by how it ended."""
        if self._overwrite and not self._quiet:
            self._turning.stop()
            self._turning = _Turning(self._now, f"[{number}/{total}] {summary}")

    def step_done(self, summary: str, said: str, seconds: float) -> None:
        """One line per finished step."""
        took = f"{seconds:.0f} s" if seconds >= 1 else ""
        details = ", ".join(part for part in (said, took) if part)
        self._line(f"{self._paint(GREEN, '✓')} {summary}" + (f" ({details})" if details else ""))

    def step_failed(self, summary: str) -> None:
        """The step that did not end well."""
        self._line(f"{self._paint(RED, '✗')} {summary}")

    def note(self, text: str) -> None:
        """Something worth saying meanwhile."""
        self._line(text)

    def _now(self, text: str) -> None:
        self._write(f"\r\033[K{self._paint(DIM, text)}", end="")

    def _line(self, text: str) -> None:
        self._turning.stop()
        if not self._quiet:
            self._write(("\r\033[K" if self._overwrite else "") + text, end="\n")

    def _write(self, text: str, end: str) -> None:
        self._stream.write(text + end)
        self._stream.flush()

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{PLAIN}" if self._color else text


class _Turning:
    """One line that shows that something is still going on, and for how long; a thread that dies with us."""

    def __init__(self, show: Callable[[str], None] | None, text: str) -> None:
        """Show it at once; None shows nothing."""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        if show:
            show(f"… {text}")
            self._thread = threading.Thread(target=self._turn, args=(show, text), daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No more of it; when this returns nothing is written any more."""
        self._stopped.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _turn(self, show: Callable[[str], None], text: str) -> None:
        began = time.monotonic()
        for sign in itertools.cycle(SIGNS):
            if self._stopped.wait(TURN_SECONDS):
                return
            seconds = time.monotonic() - began
            show(f"{sign} {text}" + (f" ({seconds:.0f} s)" if seconds >= TELL_AFTER_SECONDS else ""))
