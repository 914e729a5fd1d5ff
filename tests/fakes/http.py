"""The web in a dictionary.

    web = FakeHttp()
    web.pages["https://social.example/health"] = answer(200, b"OK")
    web.pages["https://social.example/slow"] = NoAnswer("no answer within 4 s")

A page nobody put there refuses the connection.
"""

from __future__ import annotations

from instancectl.core.checks.seen import Answer, Certificate, NoAnswer, Request

DAY = 86400
NOW = 1_795_326_295.0


def answer(status: int, body: bytes = b"", source: str = "198.51.100.7", **headers: str) -> Answer:
    """An answer over HTTPS with a certificate of 90 days, 60 of them left."""
    certificate = Certificate(NOW - 30 * DAY, NOW + 60 * DAY)
    return Answer(status, tuple(headers.items()), body, 0.02, source, certificate)


class FakeHttp:
    """See `ports.http_probe.HttpProbe`."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | NoAnswer] = {}
        self.asked: list[Request] = []

    def ask(self, request: Request) -> Answer | NoAnswer:
        self.asked.append(request)
        return self.pages.get(request.url, NoAnswer("connection refused"))
