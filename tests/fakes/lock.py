"""A lock in memory; give two of them the same `table` to have them contend.

lock = FakeLock()
with lock.hold("deploy"):
    ...                     # a second hold raises Busy
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from instancectl.errors import Busy


class FakeLock:
    """See `ports.lock.Lock`. Free again once its holder is gone, like the kernel's."""

    def __init__(self, table: dict[str, str] | None = None) -> None:
        self.table: dict[str, str] = {} if table is None else table
        self.held_for: list[str] = []

    @contextmanager
    def hold(self, why: str) -> Iterator[None]:
        if "holder" in self.table:
            raise Busy(
                f"cannot start: somebody holds the lock for `{self.table['holder']}`",
                hint="wait for it and run the same command again",
                subject="lock",
            )
        self.table["holder"] = why
        self.held_for.append(why)
        try:
            yield
        finally:
            del self.table["holder"]
