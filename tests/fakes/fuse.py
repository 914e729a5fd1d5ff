"""A fuse: ends a run as `kill -9` would, at a chosen point.

    fuse = Fuse()
    swarm = FakeSwarm(fuse=fuse)
    fuse.blow_after(3)          # the fourth point that any fake passes raises Killed
    ...
    fuse.mend()                 # the next run lives

Fakes pass a point before and after every effect, so a run can die between acting and recording.
"""

from __future__ import annotations


class Killed(BaseException):
    """The process is gone: nothing may catch this but a test."""


class Fuse:
    """Counts points; blows at one of them."""

    def __init__(self) -> None:
        self.passed = 0
        self._left: int | None = None

    def blow_after(self, points: int) -> None:
        """Raise `Killed` at the point after the next `points` ones."""
        self._left = points

    def mend(self) -> None:
        """Never blow again."""
        self._left = None

    def point(self) -> None:
        """Called by fakes."""
        self.passed += 1
        if self._left is None:
            return
        if self._left == 0:
            raise Killed
        self._left -= 1
