"""Fetches what second vantages measured, and writes down what they and the agent agree on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from instancectl.core.checks.seen import NoAnswer, Request
from instancectl.core.monitoring import catalogue_probes as probes
from instancectl.core.monitoring import vantage
from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.majority import decided, horizon
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.sli import slice_of
from instancectl.errors import InstanceError
from instancectl.ports.clock import Clock
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.reporter import Reporter
from instancectl.ports.uptime_ledger import UptimeLedger

EVERY_SECONDS = 300.0
LIMIT_BYTES = 1024 * 1024
"""A document with all its stretches has about 100 KiB."""

ALL_SPELLS = 5000
"""As many as a ledger keeps of an indicator."""

Told = Mapping[str, Sequence[Spell]]
"""Indicator → what one vantage measured."""


class Merger:
    """Asks every vantage every five minutes while the agent runs; what goes wrong is said once."""

    def __init__(
        self, addresses: Sequence[str], web: HttpProbe, ledger: UptimeLedger, clock: Clock,
        reporter: Reporter, background: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        """Nothing is asked yet."""
        self._addresses, self._web, self._ledger = tuple(addresses), web, ledger
        self._clock, self._reporter, self._background = clock, reporter, background
        self._said: dict[str, str] = {}
        self._connected: dict[str, bool] = dict.fromkeys(self._addresses, False)
        self._names: dict[str, str] = {}
        self._over = False

    def start(self) -> None:
        """Begin."""
        self._background(self._for_ever)

    def close(self) -> None:
        """Ask no more."""
        self._over = True

    def merge(self) -> int:
        """Ask each once, and write down what they agree on; how many slices were changed."""
        told = {address: self._ask(address) for address in self._addresses}
        try:
            return self._write(
                [one for one in told.values() if one is not None], missing=None in told.values()
            )
        except InstanceError as error:
            for address in self._addresses:
                self._connected[address] = False
                self._tell(address, error.message)
            return 0

    def samples(self) -> Iterator[Sample]:
        """Which vantages answer, and reach anything themselves."""
        for address, connected in self._connected.items():
            yield Sample(probes.PROBE_CONNECTIVITY, float(connected), (self._names.get(address, address),))

    def _for_ever(self) -> None:
        while not self._over:
            self.merge()
            self._clock.sleep(EVERY_SECONDS)

    def _ask(self, address: str) -> Told | None:
        self._connected[address] = False
        answer = self._web.ask(Request(f"{address.rstrip('/')}/spells", limit_bytes=LIMIT_BYTES))
        if isinstance(answer, NoAnswer) or answer.status != 200:
            said = answer.reason if isinstance(answer, NoAnswer) else f"it answered {answer.status}"
            self._tell(address, said)
            return None
        try:
            name, connected, told = vantage.read(json.loads(answer.body))
        except ValueError as error:
            self._tell(address, f"what it says cannot be read: {error}")
            return None
        self._names[address], self._connected[address] = name, connected
        self._said.pop(address, None)
        return told

    def _write(self, told: Sequence[Told], *, missing: bool) -> int:
        now, changed = slice_of(self._clock.epoch_seconds()), 0
        for sli in dict.fromkeys(name for one in told for name in one):
            voices = [one.get(sli, ()) for one in told]
            ends = [voice[-1].last if voice else None for voice in voices]
            until = horizon([*ends, None] if missing else ends, now)
            own = self._ledger.spells(sli, ALL_SPELLS)
            changed += self._ledger.fill(sli, decided(own, voices, until))
        return changed

    def _tell(self, address: str, said: str) -> None:
        if self._said.get(address) != said:
            self._said[address] = said
            self._reporter.note(f"nothing comes from the vantage {address}: {said}")
