"""A journal in memory.

journal = FakeJournal()
deployment.deploy()
assert journal.events() == ["deploy-started", …, "deploy-done"]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.fuse import Fuse


class FakeJournal:
    """See `ports.journal.Journal`. Entries go through JSON, so that only plain values pass."""

    def __init__(self, fuse: Fuse | None = None) -> None:
        self.written: list[dict[str, Any]] = []
        self._fuse = fuse or Fuse()

    def write(self, event: str, **facts: object) -> None:
        self._fuse.point()
        self.written.append(json.loads(json.dumps({"event": event, **facts})))
        self._fuse.point()

    def entries(self, last: int = 0) -> Iterator[Mapping[str, Any]]:
        yield from self.written[-last:] if last else list(self.written)

    def events(self) -> list[str]:
        """Only what happened."""
        return [entry["event"] for entry in self.written]
