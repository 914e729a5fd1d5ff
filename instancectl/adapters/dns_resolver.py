"""Asks the name servers of /etc/resolv.conf; the only importer of dnspython.

The hosts file is passed over on purpose: Debian maps a host's own name to 127.0.1.1 there, and nobody else
sees it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from instancectl.core.checks.seen import NameAnswer

if TYPE_CHECKING:
    import dns.resolver

TIMEOUT_SECONDS = 4

RESOLVED_STUB = "127.0.0.53"
RESOLVED_UPSTREAM = "/run/systemd/resolve/resolv.conf"
"""systemd-resolved answers for the host's own name by itself; the servers behind it do not."""


class DnsResolver:
    """See `ports.dns_lookup.DnsLookup`."""

    def __init__(self, servers: tuple[tuple[str, int], ...] = ()) -> None:
        """Ask these servers (address and port), or the host's own."""
        self._servers = servers

    def lookup(self, name: str) -> NameAnswer:
        """A and AAAA, sorted, IPv4 first."""
        return self._ask(name, ("A", "AAAA"))

    def exchangers(self, name: str) -> NameAnswer:
        """MX hosts."""
        found = self._ask(name, ("MX",))
        hosts = (text.split()[-1] for text in found.addresses)
        return NameAnswer(name, tuple(host.rstrip(".") or "." for host in hosts), found.error)

    def _ask(self, name: str, kinds: tuple[str, ...]) -> NameAnswer:
        # A tenth of a second that only commands which look up a name should pay.
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            resolver = self._resolver()
            found = [text for kind in kinds for text in _records(resolver, name, kind)]
        except dns.resolver.NoResolverConfiguration:
            return NameAnswer(name, (), "this host has no name server in /etc/resolv.conf")
        except dns.exception.Timeout:
            return NameAnswer(name, (), f"no name server answered within {TIMEOUT_SECONDS} s")
        except dns.resolver.NoNameservers:
            return NameAnswer(name, (), "the name servers answered with an error")
        except dns.exception.DNSException as error:
            return NameAnswer(name, (), " ".join(str(error).split()))
        return NameAnswer(name, tuple(found))

    def _resolver(self) -> dns.resolver.Resolver:
        import dns.resolver  # noqa: PLC0415 - see _ask

        resolver = dns.resolver.Resolver(configure=not self._servers)
        if resolver.nameservers == [RESOLVED_STUB] and Path(RESOLVED_UPSTREAM).exists():
            resolver = dns.resolver.Resolver(RESOLVED_UPSTREAM)
        if self._servers:
            resolver.nameservers = [address for address, _ in self._servers]
            resolver.nameserver_ports = dict(self._servers)
        # One deadline for both kinds of record.
        resolver.lifetime = TIMEOUT_SECONDS / 2
        return resolver


def _records(resolver: dns.resolver.Resolver, name: str, kind: str) -> list[str]:
    import dns.resolver  # noqa: PLC0415 - see DnsResolver._ask

    try:
        answer = resolver.resolve(f"{name}.", kind, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return sorted(record.to_text() for record in answer)
