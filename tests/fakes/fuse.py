"""A fuse: ends a run as `kill -9` would, at a chosen point.

    fuse = Fuse()
    swarm = FakeSwarm(fuse=fuse)
    fuse.blow_after(3)          # the fourth point that any fake passes raises Killed
    ...
    fuse.mend()                 # the next run lives

Fakes pass a point before and after every effect, so a run can die between acting and recording.
"""

from __future__ import annotations

from collections.abc import Callable


class Killed(BaseException):
    """The process is gone: nothing may catch this but a test."""


class Fuse:
    """Counts points; blows at one of them."""

    def __init__(self) -> None:
        self.passed = 0
        self._left: int | None = None
        self._happens: Callable[[], None] | None = None

    def blow_after(self, points: int) -> None:
        """Raise `Killed` at the point after the next `points` ones."""
        self._left = points

    def happen_after(self, points: int, what: Callable[[], None]) -> None:
        """Have something else go wrong there, once."""
        self._left, self._happens = points, what

    def mend(self) -> None:
        """Never blow again."""
        self._left = self._happens = None

    def point(self) -> None:
        """Called by fakes."""
        self.passed += 1
        if self._left is None:
            return
        if self._left > 0:
            self._left -= 1
            return
        if self._happens is None:
            raise Killed
        what, self._happens, self._left = self._happens, None, None
        what()
