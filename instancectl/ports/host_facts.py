"""What the machine itself says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from instancectl.core.checks.seen import Disk, Listener, Memory


class HostFacts(Protocol):
    """This host; every method raises `Unreachable` when it may not look."""

    def memory(self) -> Memory:
        """Bytes."""

    def cores(self) -> int:
        """Those this process may use."""

    def disk(self, path: str) -> Disk:
        """The file system that holds `path`, or its nearest parent that exists."""

    def addresses(self) -> tuple[str, ...]:
        """Addresses others can use: no loopback, no link-local, none of Docker's bridges; IPv4 first."""

    def listeners(self, ports: Collection[int] | None = None) -> tuple[Listener, ...]:
        """Who holds these ports (or, without, any), TCP (listening) and UDP."""
