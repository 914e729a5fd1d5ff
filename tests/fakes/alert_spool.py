"""Messages in memory.

spool = FakeSpool()
spool.accept("key", b"...", ("ntfy",), now)
spool.broken = True                 # every call raises from now on
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from instancectl.errors import OperationFailed
from instancectl.ports.alert_spool import MOST_WAITING, Outcome, Waiting


class FakeSpool:
    """See `ports.alert_spool.AlertSpool`."""

    def __init__(self) -> None:
        self.kept: dict[int, tuple[Waiting, float]] = {}
        self.ended: dict[tuple[str, str], Outcome] = {}
        self.broken = False
        self._next = 0

    def accept(self, key: str, body: bytes, receivers: tuple[str, ...], now: float) -> bool:
        self._use()
        if len(self.kept) + len(receivers) > MOST_WAITING:
            return False
        for receiver in receivers:
            self.ended.pop((key, receiver), None)
            if not any((one.key, one.receiver) == (key, receiver) for one, _ in self.kept.values()):
                self._next += 1
                self.kept[self._next] = (Waiting(self._next, key, receiver, body, now, 0), now)
        return True

    def due(self, now: float) -> tuple[Waiting, ...]:
        self._use()
        return tuple(one for one, at in self.kept.values() if at <= now)

    def delivered(self, one: Waiting, now: float) -> None:
        self._end(one, now, "")

    def failed(self, one: Waiting, error: str, now: float, next_at: float | None) -> None:
        if next_at is None:
            self._end(one, now, error)
            return
        self._use()
        self.kept[one.number] = (replace(one, attempts=one.attempts + 1), next_at)
        self.ended[one.key, one.receiver] = Outcome(one.receiver, now, error)

    def waiting(self) -> Mapping[str, int]:
        self._use()
        receivers = [one.receiver for one, _ in self.kept.values()]
        return {name: receivers.count(name) for name in receivers}

    def outcomes(self, key: str) -> tuple[Outcome, ...]:
        self._use()
        found = [one for (of, _), one in self.ended.items() if of == key]
        return tuple(sorted(found, key=lambda one: one.receiver))

    def _end(self, one: Waiting, now: float, error: str) -> None:
        self._use()
        self.kept.pop(one.number, None)
        self.ended[one.key, one.receiver] = Outcome(one.receiver, now, error)

    def _use(self) -> None:
        if self.broken:
            raise OperationFailed("cannot use the messages: it was told to break")
