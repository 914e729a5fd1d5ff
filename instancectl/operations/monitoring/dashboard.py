"""The dashboard: one reading in every slice, its history, and pages made of the last one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from instancectl.core.alerting.alertmanager import Silence
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.overview import Decision, Facts, Firing, Reading, Section, aged
from instancectl.core.monitoring.overview_mail import mail
from instancectl.core.monitoring.overview_queues import queues
from instancectl.core.monitoring.overview_stores import data, slo
from instancectl.core.monitoring.overview_upkeep import backups, scaling
from instancectl.core.monitoring.overview_work import now
from instancectl.core.monitoring.panels import PANELS, Feed, keys_of
from instancectl.core.monitoring.ring import WINDOWS
from instancectl.core.monitoring.runbook import filled
from instancectl.core.monitoring.sli import AVAILABILITY, SLICE_SECONDS
from instancectl.core.monitoring.surfaces import slis_of
from instancectl.core.unknown import NOT_LOOKED, Known, Unknown
from instancectl.errors import InstanceError
from instancectl.operations.monitoring.agent import Server
from instancectl.ports.clock import Clock
from instancectl.ports.reading_ring import ReadingRing
from instancectl.ports.reporter import Reporter
from instancectl.ports.uptime_ledger import UptimeLedger

SPELLS = 200
AFTER_SLICE_SECONDS = 8.0
"""Readings are made when the probes of a slice are done, so that the two do not disturb each other."""

LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Sources:
    """What the dashboard is made of.

    Attributes:
        samples: reads everything once.
        verdict: of the last slice.
        alerts: which fire; unknown, with a reason, where nothing evaluates them.
        silences: those at work, likewise.
        decisions: of scaling, newest first.
        runbook: slug → its text; None when there is none.
    """

    samples: Callable[[], Iterable[Sample]]
    verdict: Callable[[], Mapping[str, Any]]
    ledger: UptimeLedger
    ring: ReadingRing
    clock: Clock
    reporter: Reporter
    alerts: Callable[[], Known[tuple[Firing, ...]]]
    silences: Callable[[], Known[tuple[Silence, ...]]]
    decisions: Callable[[], Known[tuple[Decision, ...]]]
    runbook: Callable[[str], str | None]


class Dashboard:
    """Read by many requests while the next reading is under way."""

    def __init__(self, config: InstanceConfig, sources: Sources) -> None:
        """Nothing was read yet."""
        self._config, self._sources = config, sources
        self._feed = Feed()
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._samples: tuple[Sample, ...] = ()
        self._alerts: Known[tuple[Firing, ...]] = NOT_LOOKED
        self._silences: Known[tuple[Silence, ...]] = NOT_LOOKED
        self._decisions: Known[tuple[Decision, ...]] = NOT_LOOKED
        self._said = ""

    @property
    def domain(self) -> str:
        """Of the instance."""
        return self._config.instance.domain

    # ---- readings

    def read_for_ever(self) -> None:
        """A reading in every slice; what goes wrong is said once and tried again."""
        self._wait_for_a_look()
        while True:
            try:
                self.read()
                self._said = ""
            except Exception as error:  # noqa: BLE001 - a reading that failed must not end all others
                self._tell(error)
            at = self._sources.clock.epoch_seconds()
            self._sources.clock.sleep((AFTER_SLICE_SECONDS - at) % SLICE_SECONDS or SLICE_SECONDS)

    def _wait_for_a_look(self) -> None:
        """Before the first probes nobody knows which containers there are: a reading would miss them."""
        began = self._sources.clock.monotonic_seconds()
        while self._sources.verdict()["slice_at"] is None:
            if self._sources.clock.monotonic_seconds() - began >= SLICE_SECONDS:
                return
            self._sources.clock.sleep(LOOK_SECONDS)

    def read(self) -> None:
        """Read everything once, show it from now on, and add it to history.

        Whoever evaluates alerts is asked here, too: nobody who opens a page waits for one that hangs.
        """
        at = self._sources.clock.epoch_seconds()
        samples = tuple(self._sources.samples())
        self.read_alerts()
        decisions = _tried(self._sources.decisions)
        with self._lock:
            self._read_at, self._samples = at, samples
            self._decisions = decisions
            points = self._feed.points(at, samples)
        self._sources.ring.add(at, points)

    def read_alerts(self) -> None:
        """Ask anew what fires and what is silenced."""
        alerts, silences = _tried(self._sources.alerts), _tried(self._sources.silences)
        with self._lock:
            self._alerts, self._silences = alerts, silences

    def _tell(self, error: Exception) -> None:
        said = error.message if isinstance(error, InstanceError) else f"{type(error).__name__}: {error}"
        if said != self._said:
            self._said = said
            self._sources.reporter.note(f"the dashboard has no new reading: {said}")

    # ---- pages

    def facts(self) -> Facts:
        """Everything a page is made of, as of now."""
        with self._lock:
            read_at, samples = self._read_at, self._samples
            alerts, silences, decisions = self._alerts, self._silences, self._decisions
        ledger = self._sources.ledger
        return Facts(
            domain=self.domain,
            now=self._sources.clock.epoch_seconds(),
            read_at=read_at,
            samples=samples,
            verdict=self._sources.verdict(),
            days={sli: days for sli in slis_of(self._config) if (days := ledger.days(sli))},
            spells=ledger.spells(AVAILABILITY, SPELLS),
            objectives=self._config.monitoring.objectives.shares,
            alerts=alerts,
            silences=silences,
            decisions=decisions,
            limits=self._config.alerts.thresholds,
        )

    def section(self, slug: str, facts: Facts | None = None) -> Section:
        """One page of `core.monitoring.panels.PAGES`."""
        seen = facts or self.facts()
        reading = Reading(seen.samples)
        if slug in {"now", "slo"}:  # these say themselves how old the last look is
            return now(seen, reading) if slug == "now" else slo(seen)
        pages: dict[str, Callable[[], Section]] = {
            "queues": lambda: queues(reading),
            "mail": lambda: mail(seen, reading),
            "data": lambda: data(seen, reading),
            "backups": lambda: backups(reading, seen.now),
            "scaling": lambda: scaling(seen, reading),
        }
        return aged(pages[slug](), seen)

    def runbook(self, slug: str) -> str | None:
        """The text of a runbook; None when there is none."""
        text = self._sources.runbook(slug)
        return None if text is None else filled(text, self._config.stack)

    def series(self, slug: str, window: str) -> dict[str, Any] | None:
        """The lines of one panel over one window; None when there is no such panel or window."""
        panel = PANELS.get(slug)
        if panel is None or window not in WINDOWS:
            return None
        ring = self._sources.ring
        legends = keys_of(panel, ring.keys())
        found = ring.history([key for _, key in legends], window, self._sources.clock.epoch_seconds())
        values = found.peaks if panel.peaks else found.means
        return {
            "unit": panel.unit.value,
            "step": WINDOWS[window][1].seconds,
            "times": list(found.times),
            "lines": [
                {"name": name, "values": list(line)}
                for (name, _), line in zip(legends, values, strict=True)
                if any(value is not None for value in line)
            ],
        }


class Served:
    """The dashboard while the agent runs: its server, and the readings it shows."""

    def __init__(
        self, dashboard: Dashboard, server: Server, background: Callable[[Callable[[], None]], None]
    ) -> None:
        """Nothing is begun yet."""
        self._dashboard, self._server, self._background = dashboard, server, background

    def start(self) -> None:
        """Serve and read in the background."""
        self._background(self._dashboard.read_for_ever)
        self._server.start()

    def close(self) -> None:
        """Serve no more; the readings end with the process."""
        self._server.close()


def _tried(look: Callable[[], Known[Any]]) -> Known[Any]:
    """What is not reachable is unknown: the other sections are shown all the same."""
    try:
        return look()
    except InstanceError as error:
        return Unknown(error.message, error.hint)
