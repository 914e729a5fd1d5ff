"""What fires, what is silenced, and silences with an end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from instancectl.core.alerting import alertmanager
from instancectl.core.alerting.alertmanager import Active, Silence
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import alerts
from instancectl.core.monitoring.rules import reached
from instancectl.core.result import Result, Status
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import OperationFailed, Refused
from instancectl.ports.alert_spool import AlertSpool
from instancectl.ports.clock import Clock
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.journal import Journal
from instancectl.ports.reporter import Reporter

T = TypeVar("T")

PLANNED_SECONDS = 1800.0
"""The most that a command silences before it has to say so again; a killed one is silent no longer."""

AFTERWARDS_SECONDS = 300.0
"""Errors of the last minutes count for as long in the shortest window of a budget."""

MAINTENANCE_SECONDS = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Silencing:
    """Everything that silences need.

    Attributes:
        who: the person, as the journal has it.
    """

    config: InstanceConfig
    http: HttpProbe
    spool: AlertSpool
    journal: Journal
    reporter: Reporter
    clock: Clock
    who: str

    @property
    def base(self) -> str:
        """Where Alertmanager is asked."""
        return f"http://{reached(self.config.monitoring.alertmanager_listen)}"

    def show(self) -> Result:
        """What fires and what is silenced.

        Raises:
            OperationFailed: Alertmanager does not say.
        """
        active, silences = self.active(), self.running()
        now = self.clock.epoch_seconds()
        waiting = dict(self.spool.waiting())
        lines = [_line(one, now) for one in active] or ["nothing fires"]
        lines += [_silence_line(one, now) for one in silences]
        lines += [f"{count} messages wait for {name}" for name, count in waiting.items()]
        data = {
            "alerts": [_as_json(one) for one in active],
            "silences": [_silence_json(one) for one in silences],
            "waiting": waiting,
        }
        return Result(Status.OK, data, tuple(lines))

    def active(self) -> tuple[Active, ...]:
        """What fires.

        Raises:
            OperationFailed: Alertmanager does not say.
        """
        self._require()
        return _known(alertmanager.alerts_of(self.http.ask(alertmanager.list_alerts(self.base))))

    def running(self) -> tuple[Silence, ...]:
        """What is silenced, the first to end first.

        Raises:
            OperationFailed: Alertmanager does not say.
        """
        self._require()
        return _known(alertmanager.silences_of(self.http.ask(alertmanager.list_silences(self.base))))

    def silence(self, name: str, seconds: float, why: str) -> Result:
        """Tell nobody about an alert for a while.

        Raises:
            Refused: there is no such alert.
        """
        self._refuse_unknown(name)
        now = self.clock.epoch_seconds()
        same = alertmanager.covering(self.running(), name)
        wanted = Silence(same[0].id if same else "", (name,), now, now + seconds, self.who, why)
        _known(alertmanager.made(self.http.ask(alertmanager.make_silence(self.base, wanted))))
        self.journal.write("silence", alert=name, seconds=seconds, by=self.who, why=why)
        until = _clock_time(wanted.until)
        return Result(
            Status.CHANGED,
            {"alert": name, "until": wanted.until},
            (f"nobody is told about {name} until {until}; `instancectl alert silence {name} --end` ends it",),
        )

    def end(self, name: str) -> Result:
        """Tell people again."""
        self._refuse_unknown(name)
        same = alertmanager.covering(self.running(), name)
        for one in same:
            self._end(one)
        if not same:
            return Result(Status.UNCHANGED, {"alert": name}, (f"{name} is not silenced",))
        return Result(Status.CHANGED, {"alert": name}, (f"people are told about {name} again",))

    def withdraw(self, identifier: str) -> Result:
        """End one silence, whatever it covers; it may have ended already."""
        found = [one for one in self.running() if one.id == identifier]
        for one in found:
            self._end(one)
        names = [name for one in found for name in one.names]
        status = Status.CHANGED if found else Status.UNCHANGED
        return Result(status, {"alerts": names}, ("the silence has ended",))

    def _end(self, one: Silence) -> None:
        _known(alertmanager.accepted(self.http.ask(alertmanager.end_silence(self.base, one.id))))
        self.journal.write("silence-ended", alert=", ".join(one.names), by=self.who)

    @contextmanager
    def planned(self, why: str) -> Iterator[None]:
        """Silence what a deploy may cause while it runs; alerts that cannot be silenced are only said."""
        names = alerts.planned(self.config)
        identifier = self._plan(Silence("", names, *self._span(PLANNED_SECONDS), self.who, why))
        try:
            yield
        finally:
            if identifier:
                ended = Silence(identifier, names, *self._span(AFTERWARDS_SECONDS), self.who, f"{why}, done")
                self._plan(ended)

    def maintenance(self, *, on: bool) -> None:
        """Silence what a maintenance page causes, until it is off or four hours are over."""
        why = "maintenance"
        names = alerts.planned(self.config)
        found = [one for one in self._silences_if_any() if one.why == why]
        identifier = found[0].id if found else ""
        if on:
            self._plan(Silence(identifier, names, *self._span(MAINTENANCE_SECONDS), self.who, why))
        elif identifier:
            self._plan(Silence(identifier, names, *self._span(AFTERWARDS_SECONDS), self.who, f"{why}, done"))

    def _span(self, seconds: float) -> tuple[float, float]:
        now = self.clock.epoch_seconds()
        return now, now + seconds

    def _plan(self, silence: Silence) -> str:
        """Its identifier; empty where there is nobody to silence."""
        if not self.config.monitoring.enabled:
            return ""
        answer = alertmanager.made(self.http.ask(alertmanager.make_silence(self.base, silence)))
        return "" if isinstance(answer, Unknown) else answer

    def _silences_if_any(self) -> tuple[Silence, ...]:
        if not self.config.monitoring.enabled:
            return ()
        found = alertmanager.silences_of(self.http.ask(alertmanager.list_silences(self.base)))
        return () if isinstance(found, Unknown) else found

    def _require(self) -> None:
        if not self.config.monitoring.enabled:
            raise Refused(
                "cannot look at alerts: nothing evaluates them on this instance",
                hint="set `enabled = true` in `[monitoring]`, then `instancectl deploy`",
                subject="monitoring.enabled",
            )

    def _refuse_unknown(self, name: str) -> None:
        names = [alert.name for alert in alerts.catalogue(self.config)]
        if name not in names:
            raise Refused(
                f"cannot silence `{name}`: there is no such alert",
                hint=f"there are {', '.join(names)}",
                subject=name,
            )


def _known(found: Known[T]) -> T:
    if isinstance(found, Unknown):
        raise OperationFailed(found.reason, hint=found.hint, subject="alertmanager")
    return found


def _line(one: Active, now: float) -> str:
    quiet = " (silenced)" if one.silenced else " (explained by another)" if one.inhibited else ""
    return f"{one.severity:<6} {one.name}: {one.summary}; for {show_seconds(now - one.since)}{quiet}"


def _silence_line(one: Silence, now: float) -> str:
    what = ", ".join(one.names) if 0 < len(one.names) <= 3 else f"{len(one.names) or 'some'} alerts"
    return f"silent {what}: for {show_seconds(one.until - now)} more, by {one.who}: {one.why}"


def _as_json(one: Active) -> dict[str, object]:
    return {
        "name": one.name, "severity": one.severity, "summary": one.summary, "since": _clock_time(one.since),
        "silenced": one.silenced, "inhibited": one.inhibited, "runbook": one.runbook,
        "labels": dict(one.labels),
    }  # fmt: skip


def _silence_json(one: Silence) -> dict[str, object]:
    return {
        "alerts": list(one.names), "since": _clock_time(one.since), "until": _clock_time(one.until),
        "who": one.who, "why": one.why,
    }  # fmt: skip


def _clock_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
