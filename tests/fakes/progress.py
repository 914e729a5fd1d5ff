"""Remembers how far streams went.

progress = FakeProgress()
assert progress.finished == [("database.dump", 0, 1234)]
"""

from __future__ import annotations


class FakeProgress:
    """See `ports.progress.Progress`; `finished` lists name, expected and seen bytes."""

    def __init__(self) -> None:
        self.finished: list[tuple[str, int, int]] = []
        self._open: list[tuple[str, int, int]] = []

    def begins(self, what: str, expected_bytes: int) -> None:
        self._open.append((what, expected_bytes, 0))

    def advanced(self, amount: int) -> None:
        if self._open:
            what, expected, done = self._open[-1]
            self._open[-1] = what, expected, done + amount

    def ended(self) -> None:
        self.finished.append(self._open.pop())
