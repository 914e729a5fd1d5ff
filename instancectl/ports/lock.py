"""One writer per instance."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Lock(Protocol):
    """Released when its process ends, however it ends."""

    def hold(self, why: str) -> AbstractContextManager[None]:
        """Take the lock.

        Raises:
            Busy: another run holds it; says who, since when and why.
        """
