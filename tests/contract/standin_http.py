"""Requests, the answers to them, and the answers captured from the real server."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

CAPTURED = Path(__file__).resolve().parents[1] / "captured"
DOMAIN = "real.test"
EDGE = {"Host": DOMAIN, "X-Forwarded-Proto": "https"}
"""What the edge adds to a request; without it web refuses or redirects."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def captured_http(name: str) -> SimpleNamespace:
    """One file of tests/captured/http: the request it names and the answer it shows."""
    command, _, rest = (CAPTURED / "http" / f"{name}.txt").read_text().partition("\n")
    words, url = (
        command.removeprefix("$ curl ").rsplit(" ", 1) if " -" in command else ("", command.split()[-1])
    )
    request = SimpleNamespace(method="GET", headers={}, body=None, url=url)
    for option in (" " + words).split(" -")[1:]:
        value = option[2:]
        if option[0] == "H":
            header, _, content = value.partition(": ")
            request.headers[header] = content
        elif option[0] == "X":
            request.method = value
        elif option[0] == "d":
            request.body = value.encode()
    head, _, body = rest.partition("\n\n")
    status, *lines = head.splitlines()
    headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
    return SimpleNamespace(
        request=request, status=int(status.split()[1]), headers=headers, body=body.rstrip("\n")
    )


def fetch(
    address: str, path: str, *, method="GET", headers: Mapping[str, str] | None = None, body=None
) -> Answer:
    """One request with exactly these headers (curl's own besides)."""
    host, port = address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {"Host": address, "User-Agent": "curl/8", "Accept": "*/*", **(headers or {})}
        if body is not None:
            sent["Content-Length"] = str(len(body))
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()
