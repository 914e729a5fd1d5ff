"""A record of scaling in memory; its content goes through JSON, as on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from instancectl.errors import OperationFailed
from instancectl.ports.scaling_record import Decided
from tests.fakes.fuse import Fuse

KEPT_SECONDS = 30 * 86400


class FakeScalingRecord:
    """See `ports.scaling_record.ScalingRecord`."""

    def __init__(self, fuse: Fuse | None = None) -> None:
        self.remembered = "null"
        self.samples: dict[float, str] = {}
        self.kept: list[Decided] = []
        self.full = False
        self._made = 0
        self._fuse = fuse or Fuse()

    def memory(self) -> Mapping[str, Any] | None:
        return json.loads(self.remembered)

    def keep(
        self,
        at: float,
        memory: Mapping[str, Any],
        row: Mapping[str, Any] | None,
        decisions: Sequence[Mapping[str, Any]],
    ) -> tuple[int, ...]:
        if self.full:
            raise OperationFailed("cannot use the record of scaling: database or disk is full")
        self._fuse.point()
        self.remembered = json.dumps(memory)
        if row is not None:
            self.samples[at] = json.dumps(row)
        numbers = []
        for one in decisions:
            self._made += 1
            numbers.append(self._made)
            self.kept.append(Decided(at, json.loads(json.dumps(one)), "", self._made))
        self.samples = {when: row for when, row in self.samples.items() if when >= at - KEPT_SECONDS}
        self.kept = [one for one in self.kept if one.at >= at - KEPT_SECONDS]
        self._fuse.point()
        return tuple(numbers)

    def ended(self, number: int, outcome: str) -> None:
        self.kept = [replace(one, outcome=outcome) if one.number == number else one for one in self.kept]

    def decisions(self, since: float, until: float) -> tuple[Decided, ...]:
        return tuple(one for one in self.kept if since <= one.at <= until)

    def rows(self, since: float, until: float) -> tuple[tuple[float, Mapping[str, Any]], ...]:
        return tuple(
            (at, json.loads(self.samples[at])) for at in sorted(self.samples) if since <= at <= until
        )
