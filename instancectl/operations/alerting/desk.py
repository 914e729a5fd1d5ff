"""Takes messages of Alertmanager: kept before they are accepted, refused when they cannot be."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable

from instancectl.core.alerting import message
from instancectl.core.monitoring.alert import Severity
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed
from instancectl.ports.alert_spool import AlertSpool

ACCEPTED, BAD, FORBIDDEN, FULL = 200, 400, 401, 503


class Desk:
    """What stands behind `POST /notify`.

    Anything but 200 makes Alertmanager come again, and counts in its own failures: nothing is lost unseen.
    """

    def __init__(
        self, spool: AlertSpool, receivers: tuple[str, ...], token: Secret, now: Callable[[], float]
    ) -> None:
        """`receivers` are those set up; `token` must come with every message."""
        self._spool, self._receivers, self._token, self._now = spool, receivers, token, now
        self._beat = threading.Event()

    def take(self, body: bytes, authorization: str) -> int:
        """One message; returns an HTTP status."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self._token.reveal()}".encode()):
            return FORBIDDEN
        try:
            found = message.read(body)
        except ValueError:
            return BAD
        if found.severity == Severity.HEARTBEAT.value:
            if found.firing:
                self._beat.set()
            return ACCEPTED
        if found.notices[0].name == message.TEST_NAME and not found.firing:
            return ACCEPTED  # that a test has ended is no news
        wanted = tuple(name for name in self._receivers if found.only in {"", name})
        try:
            kept = self._spool.accept(found.key, body, wanted, self._now())
        except OperationFailed:
            return FULL
        return ACCEPTED if kept else FULL

    def beat(self) -> bool:
        """Whether alerts came from end to end since this was last asked."""
        came = self._beat.is_set()
        self._beat.clear()
        return came
