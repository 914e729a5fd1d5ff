"""A host whose numbers are set by hand.

host = FakeHost()
host.held = (Listener(80, "tcp", "0.0.0.0", "nginx", 7),)   # port 80 is taken
host.room = Disk("/var/lib/docker", 100 * GIB, 1 * GIB)     # the disk is nearly full
"""

from __future__ import annotations

from collections.abc import Collection

from instancectl.core.checks.seen import Disk, Listener, Memory

GIB = 1024**3


class FakeHost:
    """See `ports.host_facts.HostFacts`."""

    def __init__(self) -> None:
        self.ram = Memory(8 * GIB, 7 * GIB, 0)
        self.processors = 2
        self.room = Disk("/var/lib/docker", 100 * GIB, 60 * GIB)
        self.own: tuple[str, ...] = ("198.51.100.7",)
        self.held: tuple[Listener, ...] = ()

    def memory(self) -> Memory:
        return self.ram

    def cores(self) -> int:
        return self.processors

    def disk(self, path: str) -> Disk:
        return self.room

    def addresses(self) -> tuple[str, ...]:
        return self.own

    def listeners(self, ports: Collection[int] | None = None) -> tuple[Listener, ...]:
        return tuple(one for one in self.held if ports is None or one.port in ports)
