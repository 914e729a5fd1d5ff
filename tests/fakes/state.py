"""A state directory in memory.

state = FakeState(Applied(owner_done=True))
assert state.files["stack.yml"].startswith("#")
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from instancectl.core.applied import Applied
from tests.fakes.fuse import Fuse


class FakeState:
    """See `ports.state.State`. The record goes through JSON, as on disk."""

    def __init__(self, applied: Applied | None = None, fuse: Fuse | None = None) -> None:
        self.record = json.dumps((applied or Applied()).as_json())
        self.files: dict[str, str] = {}
        self.saves = 0
        self._fuse = fuse or Fuse()

    def load(self) -> Applied:
        return Applied.from_json(json.loads(self.record))

    def save(self, applied: Applied) -> None:
        self._fuse.point()
        self.record = json.dumps(applied.as_json())
        self.saves += 1
        self._fuse.point()

    def write_rendered(self, files: Mapping[str, str]) -> None:
        self._fuse.point()
        self.files |= files
        self._fuse.point()
