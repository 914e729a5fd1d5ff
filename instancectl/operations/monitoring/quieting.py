"""Silences from the dashboard: looked up, made and ended as `alert silence` does, by who has its forms."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import alerts
from instancectl.core.monitoring.overview_html import missing_page
from instancectl.core.monitoring.silence_form import Typed, path_of, wish
from instancectl.core.monitoring.silence_html import Told, silence_page
from instancectl.errors import InstanceError, Refused
from instancectl.ports.clock import Clock
from instancectl.ports.silence_desk import Reply
from instancectl.ports.silences import Silences

SEE_OTHER, BAD, FORBIDDEN, MISSING, UNUSABLE = 303, 400, 403, 404, 503
OLD = "this page was older than the agent; look at it again, then send it"
SOMEBODY = "dashboard"


@dataclass(frozen=True, slots=True)
class Quieting:
    """See `ports.silence_desk.SilenceDesk`.

    Attributes:
        silences: in whose name they are changed → what changes them.
        changed: is called when alerts or silences may be others than before.
        token: stands in every form; nobody else's page can read it, and it dies with the process.
    """

    config: InstanceConfig
    clock: Clock
    silences: Callable[[str], Silences]
    changed: Callable[[], None]
    token: str

    def show(self, alert: str = "") -> Reply:
        """The silences of one alert and the form for another; of all alerts without a name."""
        if alert and not self._exists(alert):
            return Reply(MISSING, missing_page(self.config.instance.domain))
        return self._page(200, alert, Typed())

    def take(self, alert: str, fields: Mapping[str, str]) -> Reply:
        """Silence an alert as the form says."""
        if not self._exists(alert):
            return Reply(MISSING, missing_page(self.config.instance.domain))
        typed = Typed.of(fields)
        if not self._ours(typed.token):
            return self._page(FORBIDDEN, alert, typed, OLD)
        try:
            wanted = wish(typed, self._now())
            self.silences(wanted.who).silence(alert, wanted.seconds, wanted.why)
        except Refused as error:
            return self._page(BAD, alert, typed, error.message)
        except InstanceError as error:
            return self._page(UNUSABLE, alert, typed, _said(error))
        self.changed()
        return Reply(SEE_OTHER, location=path_of(alert))

    def end(self, fields: Mapping[str, str]) -> Reply:
        """End one silence."""
        alert = fields.get("alert", "")
        alert = alert if self._exists(alert) else ""
        if not self._ours(fields.get("token", "")):
            return self._page(FORBIDDEN, alert, Typed(), OLD)
        try:
            self.silences(SOMEBODY).withdraw(fields.get("id", ""))
        except InstanceError as error:
            return self._page(UNUSABLE, alert, Typed(), _said(error))
        self.changed()
        return Reply(SEE_OTHER, location=path_of(alert))

    def _page(self, status: int, alert: str, typed: Typed, problem: str = "") -> Reply:
        """As it is now, whatever somebody wanted."""
        told = Told(
            self.config.instance.domain, alert, self._now(), replace(typed, token=self.token),
            runbook=self._runbook(alert), problem=problem,
        )  # fmt: skip
        try:
            asked = self.silences(SOMEBODY)
            firing = tuple(one for one in asked.active() if one.name == alert)
            covering = tuple(one for one in asked.running() if not alert or alert in one.names)
        except InstanceError as error:
            told = replace(told, problem=problem or _said(error), unknown=True)
            return Reply(UNUSABLE if status == 200 else status, silence_page(told))
        return Reply(status, silence_page(replace(told, firing=firing, silences=covering)))

    def _exists(self, alert: str) -> bool:
        return any(one.name == alert for one in alerts.catalogue(self.config))

    def _runbook(self, alert: str) -> str:
        return next((one.runbook for one in alerts.catalogue(self.config) if one.name == alert), "")

    def _ours(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _now(self) -> datetime:
        """In the zone of the host: `08:00` is morning there."""
        return datetime.fromtimestamp(self.clock.epoch_seconds(), UTC).astimezone()


def _said(error: InstanceError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
