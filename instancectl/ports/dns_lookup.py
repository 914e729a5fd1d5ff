"""Names and their addresses."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.checks.seen import NameAnswer


class DnsLookup(Protocol):
    """Asks name servers, not the hosts file: others only see the former."""

    def lookup(self, name: str) -> NameAnswer:
        """A and AAAA, sorted; a server that does not answer within 4 s is an `error`, never "no address"."""

    def exchangers(self, name: str) -> NameAnswer:
        """MX hosts instead of addresses; a null MX is `.`."""
