"""Progress on stderr: one line per step, readable without colour, no animation."""

from __future__ import annotations

import os
import sys
from typing import TextIO

GREEN, RED, DIM, PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[0m"


class TerminalReporter:
    """See `ports.reporter.Reporter`."""

    def __init__(self, *, quiet: bool, color: bool, stream: TextIO = sys.stderr) -> None:
        """Colour only on a terminal that has any; started steps only where they can be overwritten."""
        self._stream = stream
        self._quiet = quiet
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._color = color and terminal
        self._overwrite = terminal and not os.environ.get("INSTANCECTL_NO_PROGRESS")

    def step_started(self, number: int, total: int, summary: str) -> None:
        """Show what runs now, to be overwritten by how it ended."""
        if self._overwrite and not self._quiet:
            self._write(f"\r\033[K{self._paint(DIM, f'… [{number}/{total}] {summary}')}", end="")

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

    def _line(self, text: str) -> None:
        if not self._quiet:
            self._write(("\r\033[K" if self._overwrite else "") + text, end="\n")

    def _write(self, text: str, end: str) -> None:
        self._stream.write(text + end)
        self._stream.flush()

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{PLAIN}" if self._color else text
