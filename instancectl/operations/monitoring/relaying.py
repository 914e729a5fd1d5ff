"""Hands on what Mastodon's own processes export: Prometheus cannot reach their network, the agent can."""

from __future__ import annotations

import json
from collections.abc import Callable

from instancectl.core.checks.seen import NoAnswer, Request
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.relayed import TARGETS, asked, relayed, targets
from instancectl.core.monitoring.rules import reached
from instancectl.core.monitoring.sight import Sight
from instancectl.core.unknown import Known, Unknown
from instancectl.ports.http_probe import HttpProbe

LIMIT_BYTES = 2 << 20

Page = tuple[int, str, bytes]
"""Status, content type, body."""


class Relay:
    """Answers `/targets/JOB` and `/relay/SERVICE/SLOT`."""

    def __init__(
        self,
        config: InstanceConfig,
        http: HttpProbe,
        sight: Callable[[], Known[Sight]],
        listen: Callable[[], str],
    ) -> None:
        """Nothing is asked yet.

        Args:
            config: what the admin wrote.
            http: asks from inside the containers' network.
            sight: what was seen of them last.
            listen: where Prometheus asks the agent.
        """
        self._listen = listen
        self._jobs, self._http, self._sight = relayed(config), http, sight

    def page(self, path: str) -> Page | None:
        """What stands at a path; None when nothing does."""
        sight = self._sight()
        if path.startswith(TARGETS):
            return self._targets(path.removeprefix(TARGETS), sight)
        url = "" if isinstance(sight, Unknown) else asked(self._jobs, sight, path)
        if not url:
            return None
        answer = self._http.ask(Request(url, limit_bytes=LIMIT_BYTES))
        if isinstance(answer, NoAnswer):
            return 502, "text/plain", f"{answer.reason}\n".encode()
        return answer.status, answer.header("content-type") or "text/plain", answer.body

    def _targets(self, name: str, sight: Known[Sight]) -> Page | None:
        job = next((job for job in self._jobs if job.job == name), None)
        if job is None:
            return None
        if isinstance(sight, Unknown):
            # Prometheus then keeps the targets it knew.
            return 503, "text/plain", f"{sight.reason}\n".encode()
        return 200, "application/json", json.dumps(targets(job, sight, reached(self._listen()))).encode()
