"""Reads the pages of the agent on this host over HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

from instancectl.errors import Unreachable

SECONDS = 10


class OverviewClient:
    """See `ports.overview_source.OverviewSource`."""

    def __init__(self, listen: str) -> None:
        """Of the dashboard that listens on `listen`, ADDRESS:PORT."""
        self._listen = listen

    @property
    def address(self) -> str:
        """The dashboard's, to open in a browser."""
        return f"http://{self._listen}/"

    def read(self) -> Mapping[str, Any]:
        """All pages."""
        host, _, port = self._listen.rpartition(":")
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=SECONDS)
        try:
            connection.request("GET", "/overview.json")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._gone(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise self._gone(body.decode(errors="replace").partition("\n")[0])
        try:
            found = json.loads(body)
        except ValueError as error:
            raise self._gone("what answers is no dashboard") from error
        if not isinstance(found, dict) or "sections" not in found:
            raise self._gone("what answers is no dashboard")
        return found

    def _gone(self, why: str) -> Unreachable:
        return Unreachable(
            f"cannot read the dashboard at `{self.address}`: {why}",
            hint="is the agent running? `systemctl status instancectl-agent`",
            subject=self._listen,
        )
