"""A test that goes the whole way, and says which receivers got it."""

from __future__ import annotations

from dataclasses import dataclass

from instancectl.core.alerting import alertmanager, message
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.rules import reached
from instancectl.core.result import Result, Status
from instancectl.core.unknown import Unknown
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.alerting.courier import Post
from instancectl.ports.alert_spool import AlertSpool
from instancectl.ports.clock import Clock
from instancectl.ports.http_probe import HttpProbe

LASTS_SECONDS = 120.0
"""The test's alert ends by itself."""

ARRIVES_SECONDS = 60.0
"""Alertmanager waits 15 s for more to tell; the rest is for receivers."""

NOT_ARRIVED = "nothing arrived within a minute"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test needs."""

    config: InstanceConfig
    http: HttpProbe
    spool: AlertSpool
    post: Post
    clock: Clock
    mark: str

    def run(self, receiver: str) -> Result:
        """Send a test to one receiver, or to all that are set up.

        Raises:
            Refused: no receiver is set up, or not this one.
            OperationFailed: a receiver did not get it.
        """
        wanted = self._wanted(receiver)
        through = self.config.monitoring.enabled and self._raised(receiver)
        errors = self._arrived(wanted) if through else self._sent(wanted)
        way = "through Alertmanager and the agent" if through else "past Alertmanager, which does not run"
        lines = [f"{name}: {error or 'arrived'}" for name, error in errors.items()]
        failed = {name: error for name, error in errors.items() if error}
        if failed:
            raise OperationFailed(
                f"{len(failed)} of {len(errors)} receivers did not get the test {self.mark}, sent {way}: "
                + "; ".join(f"{name}: {error}" for name, error in failed.items()),
                hint="see `[alerts]` in `instance.toml` and the secrets in `alerts.env`",
                subject=next(iter(failed)),
            )
        data = {"test": self.mark, "through_alertmanager": through, "arrived": list(errors)}
        return Result(Status.OK, data, (*lines, f"test {self.mark} went {way}"))

    def _wanted(self, receiver: str) -> tuple[str, ...]:
        there = self.config.alerts.receivers
        if not there or (receiver and receiver not in there):
            what = f"`{receiver}` is no receiver of this instance" if receiver else "no receiver is set up"
            raise Refused(
                f"cannot test alerts: {what}",
                hint=f"there are {', '.join(there)}"
                if there
                else "set one up in `[alerts]`, e.g. `[alerts.ntfy] url`",
                subject="alerts",
            )
        return (receiver,) if receiver else there

    def _raised(self, receiver: str) -> bool:
        """Whether Alertmanager took the test."""
        base, now = (
            f"http://{reached(self.config.monitoring.alertmanager_listen)}",
            self.clock.epoch_seconds(),
        )
        asked = alertmanager.raise_test(base, self.mark, receiver, now, now + LASTS_SECONDS)
        return not isinstance(alertmanager.accepted(self.http.ask(asked)), Unknown)

    def _arrived(self, wanted: tuple[str, ...]) -> dict[str, str]:
        """Receiver → what went wrong, as the agent wrote it down."""
        key, errors = message.test_key(self.mark), dict.fromkeys(wanted, NOT_ARRIVED)
        deadline = self.clock.monotonic_seconds() + ARRIVES_SECONDS
        while any(errors.values()) and self.clock.monotonic_seconds() < deadline:
            self.clock.sleep(1.0)
            errors |= {one.receiver: one.error for one in self.spool.outcomes(key) if one.receiver in errors}
        return errors

    def _sent(self, wanted: tuple[str, ...]) -> dict[str, str]:
        errors = {}
        for name in wanted:
            body = alertmanager.test_body(self.mark, name, self.clock.epoch_seconds())
            errors[name] = self.post.send(name, message.read(body))
        return errors
