"""Trying ports of this host from outside of it."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.host.exposure import AddressSeen, Scan


class PortScan(Protocol):
    """One place to look from."""

    @property
    def vantage(self) -> str:
        """Where it looks from, for people: `from outside this host's network namespace`."""

    def scan(self, what: Scan, timeout_seconds: float) -> tuple[AddressSeen, ...]:
        """What each address answered; nothing is left of the look afterwards, however it ends.

        Raises `Unreachable` when nobody can look from there.
        """
