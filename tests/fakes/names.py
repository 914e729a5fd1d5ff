"""A DNS of two dictionaries.

dns = FakeDns({"social.example.org": ("198.51.100.7",)})
dns.mx["example.org"] = ("mx.example.org",)
dns.silent = True        # no name server answers
"""

from __future__ import annotations

from instancectl.core.checks.seen import NameAnswer

SILENCE = "no name server answered within 4 s"


class FakeDns:
    """See `ports.dns_lookup.DnsLookup`."""

    def __init__(self, records: dict[str, tuple[str, ...]] | None = None) -> None:
        self.records = records or {}
        self.mx: dict[str, tuple[str, ...]] = {}
        self.silent = False

    def lookup(self, name: str) -> NameAnswer:
        return NameAnswer(name, (), SILENCE) if self.silent else NameAnswer(name, self.records.get(name, ()))

    def exchangers(self, name: str) -> NameAnswer:
        return NameAnswer(name, (), SILENCE) if self.silent else NameAnswer(name, self.mx.get(name, ()))
