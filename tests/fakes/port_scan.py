"""A place to look from that sees what it is told.

scan = FakeScan()
scan.open_tcp["198.51.100.7"] = {22, 6379}      # what answers there; every other port refuses
scan.open_udp["198.51.100.7"] = {7946}
scan.silent.add("2001:db8::1")                  # nothing comes back from there
scan.error = Unreachable("…")                   # nobody can look
scan.asked                                      # every Scan it was given
"""

from __future__ import annotations

from collections import defaultdict

from instancectl.core.host.exposure import AddressSeen, Scan
from instancectl.errors import InstanceError


class FakeScan:
    """See `ports.port_scan.PortScan`."""

    vantage = "from a made-up place"

    def __init__(self) -> None:
        self.open_tcp: defaultdict[str, set[int]] = defaultdict(set)
        self.open_udp: defaultdict[str, set[int]] = defaultdict(set)
        self.silent: set[str] = set()
        self.error: InstanceError | None = None
        self.asked: list[Scan] = []

    def scan(self, what: Scan, timeout_seconds: float) -> tuple[AddressSeen, ...]:
        self.asked.append(what)
        if self.error:
            raise self.error
        return tuple(self._address(address, what) for address in what.addresses)

    def _address(self, address: str, what: Scan) -> AddressSeen:
        if address in self.silent:
            return AddressSeen(address, silent=what.ports)
        answering = self.open_tcp[address]
        tried = [port for first, last in what.tcp for port in range(first, last + 1)]
        tcp = tuple(port for port in tried if port in answering)
        udp = tuple(port for port in what.udp if port in self.open_udp[address])
        return AddressSeen(address, tcp, len(tried) - len(tcp), 0, udp, udp_judged=True)
