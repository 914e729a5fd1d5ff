"""A ledger in memory.

ledger = FakeLedger()
ledger.record(100, {"web": Verdict.GOOD}, "")
ledger.totals()["web"].good         # 1
ledger.broken = True                # every call raises from now on
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import Counts, Verdict, day_of
from instancectl.errors import OperationFailed


class FakeLedger:
    """See `ports.uptime_ledger.UptimeLedger`; keeps every slice."""

    def __init__(self) -> None:
        self.slices: dict[str, dict[int, tuple[Verdict, str]]] = {}
        self.free: dict[str, dict[float, int]] = {}
        self.known_later: dict[str, int] = {}
        self.broken = False

    def record(self, slice_number: int, verdicts: Mapping[str, Verdict], cause: str) -> None:
        self._use()
        for sli, verdict in verdicts.items():
            mine = self.slices.setdefault(sli, {})
            last = max(mine, default=slice_number - 1)
            for gap in range(last + 1, slice_number):
                mine[gap] = (Verdict.UNKNOWN, "")
            if slice_number > last:
                mine[slice_number] = (verdict, cause if verdict is Verdict.BAD else "")

    def fill(self, sli: str, told: Sequence[Spell]) -> int:
        self._use()
        mine = self.slices.get(sli, {})
        filled = 0
        for spell in told:
            for number in range(spell.first, spell.last + 1):
                lesser = {Verdict.BAD: {Verdict.UNKNOWN, Verdict.GOOD}, Verdict.GOOD: {Verdict.UNKNOWN}}
                if number in mine and mine[number][0] in lesser.get(spell.verdict, ()):
                    if mine[number][0] is Verdict.UNKNOWN:
                        self.known_later[sli] = self.known_later.get(sli, 0) + 1
                    mine[number] = (spell.verdict, spell.cause if spell.verdict is Verdict.BAD else "")
                    filled += 1
        return filled

    def filled(self) -> Mapping[str, int]:
        self._use()
        return dict(self.known_later)

    def totals(self) -> Mapping[str, Counts]:
        self._use()
        return {sli: self._sum(mine.values()) for sli, mine in self.slices.items()}

    def days(self, sli: str) -> Mapping[date, Counts]:
        self._use()
        found: dict[date, Counts] = {}
        for number, (verdict, _) in sorted(self.slices.get(sli, {}).items()):
            found[day_of(number)] = found.get(day_of(number), Counts()).plus(verdict)
        return found

    def spells(self, sli: str, last: int) -> tuple[Spell, ...]:
        self._use()
        found: list[Spell] = []
        for number, (verdict, cause) in sorted(self.slices.get(sli, {}).items()):
            if found and (found[-1].verdict, found[-1].cause) == (verdict, cause):
                found[-1] = Spell(found[-1].first, number, verdict, cause)
            else:
                found.append(Spell(number, number, verdict, cause))
        return tuple(found[-last:])

    def note_free(self, at: float, area: str, free_bytes: int) -> None:
        self._use()
        self.free.setdefault(area, {})[at] = free_bytes
        self.free = {name: {when: room for when, room in mine.items() if when >= at - 7 * 86400}
                     for name, mine in self.free.items()}  # fmt: skip

    def free_history(self, area: str) -> tuple[tuple[float, float], ...]:
        self._use()
        return tuple(sorted(self.free.get(area, {}).items()))

    def _sum(self, entries) -> Counts:
        total = Counts()
        for verdict, _ in entries:
            total = total.plus(verdict)
        return total

    def _use(self) -> None:
        if self.broken:
            raise OperationFailed("cannot use the uptime ledger: disk full")
