"""Which ports of a host answer from outside, and whether they were meant to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from instancectl.core.check import Finding, Severity
from instancectl.core.checks.seen import Listener
from instancectl.core.unknown import Unknown

SLUG = "exposure"

SENSITIVE: dict[int, str] = {
    53: "DNS",
    111: "rpcbind",
    1025: "caught mail, SMTP",
    2019: "Caddy's admin interface",
    2049: "NFS",
    2375: "Docker API, unencrypted",
    2376: "Docker API",
    2377: "Swarm management",
    3000: "Puma",
    3306: "MySQL",
    4000: "streaming",
    4789: "Swarm's overlay network",
    5432: "PostgreSQL",
    6379: "Redis",
    6432: "PgBouncer",
    7946: "Swarm gossip",
    8025: "caught mail, web",
    8080: "cAdvisor and web consoles",
    9090: "Prometheus",
    9093: "Alertmanager",
    9100: "node exporter",
    9121: "Redis exporter",
    9187: "PostgreSQL exporter",
    9200: "Elasticsearch",
    9323: "metrics of Docker",
    9394: "metrics of Mastodon and of instancectl",
    26379: "Redis Sentinel",
}
"""Ports that are tried although nothing is seen to hold them; upstream's defaults."""

SENSITIVE_UDP = frozenset({53, 69, 111, 123, 161, 389, 1900, 2049, 4789, 5353, 7946, 11211})
"""Swarm's own, and those that are abused to flood others."""

SWARM = frozenset({2377, 4789, 7946})

LEASES = frozenset({68, 546})
"""DHCP clients: bound to every address, and deaf to strangers."""

EVERY_PORT = (1, 65535)
Port = tuple[str, int]
"""Protocol and number."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What is to be tried.

    Attributes:
        addresses: of the host.
        tcp: ranges, both ends included.
        udp: ports that something on the host holds; nobody can judge others.
        silent_udp: a UDP port that nothing holds: what becomes of it tells what silence means.
    """

    addresses: tuple[str, ...]
    tcp: tuple[tuple[int, int], ...]
    udp: tuple[int, ...] = ()
    silent_udp: int = 0

    @property
    def ports(self) -> int:
        """TCP ports to try on each address."""
        return sum(last - first + 1 for first, last in self.tcp)


@dataclass(frozen=True, slots=True)
class AddressSeen:
    """What one address answered.

    Attributes:
        address: of the host.
        tcp: ports that accepted a connection.
        refused: how many said that nothing listens.
        silent: how many did not answer.
        udp: ports that answer, or that swallow what others refuse.
        udp_judged: whether UDP could be judged at all.
        error: why nobody could look; empty when somebody did.
    """

    address: str
    tcp: tuple[int, ...] = ()
    refused: int = 0
    silent: int = 0
    udp: tuple[int, ...] = ()
    udp_judged: bool = False
    error: str = ""

    @property
    def reached(self) -> bool:
        """Whether anything at all came back: without, silence proves nothing."""
        return not self.error and bool(self.tcp or self.refused)


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds ports of the host.

    Attributes:
        listeners: processes.
        forwarded: protocol and port → `address:port` of the container that Docker leads it to.
    """

    listeners: tuple[Listener, ...] = ()
    forwarded: tuple[tuple[Port, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExposureSeen:
    """One look from outside.

    Attributes:
        vantage: from where, in words.
        addresses: what each answered.
        holders: who holds ports.
        intended: ports that may answer.
        tried: how many TCP ports were tried on each address.
    """

    vantage: str
    addresses: tuple[AddressSeen, ...]
    holders: Holders
    intended: frozenset[Port]
    tried: int = 0


def read_ports(texts: Iterable[str]) -> frozenset[Port]:
    """`22/tcp` … as values; `25` alone is TCP."""
    found = set()
    for text in texts:
        number, _, protocol = text.partition("/")
        if number.isdigit():
            found.add((protocol or "tcp", int(number)))
    return frozenset(found)


def sshd_ports(listeners: Iterable[Listener]) -> frozenset[Port]:
    """Where sshd listens: intended on a host that nobody provisioned."""
    return frozenset(("tcp", one.port) for one in listeners if one.process == "sshd" and _outside(one))


_DNAT = re.compile(r"-p (tcp|udp)\b.*--dport (\d+)\b.*-j DNAT --to-destination (\S+)")


def read_forwarded(iptables: str) -> tuple[tuple[Port, str], ...]:
    """Ports that `iptables-save -t nat` leads elsewhere, as Docker does with published ones."""
    found = {(match[1], int(match[2])): match[3] for match in _DNAT.finditer(iptables)}
    return tuple(found.items())


def scan(addresses: Iterable[str], holders: Holders, *, all_ports: bool = False) -> Scan:
    """What to try: everything something holds, and what must never answer; or every port."""
    tcp = {one.port for one in holders.listeners if one.protocol == "tcp"}
    tcp |= {number for (protocol, number), _ in holders.forwarded if protocol == "tcp"}
    held = {one.port for one in holders.listeners if one.protocol == "udp" and _outside(one)}
    held |= {number for (protocol, number), _ in holders.forwarded if protocol == "udp"}
    ranges = (EVERY_PORT,) if all_ports else tuple((port, port) for port in sorted(tcp | set(SENSITIVE)))
    return Scan(tuple(addresses), ranges, tuple(sorted(held - LEASES)), _free(held))


def _free(held: set[int]) -> int:
    return next(port for port in range(61001, 65536) if port not in held)


def _outside(listener: Listener) -> bool:
    """Whether others than this host itself could reach it, if nothing stopped them."""
    return not ip_address(listener.address.partition("%")[0]).is_loopback


def public(addresses: Iterable[str]) -> tuple[str, ...]:
    """Those that another host can mean: global ones, or, where there are none, all."""
    found = tuple(addresses)
    return tuple(one for one in found if ip_address(one).is_global) or found


def findings(seen: ExposureSeen | Unknown) -> tuple[Finding, ...]:
    """One for each port that answers and should not; else one that says how much was tried."""
    if isinstance(seen, Unknown):
        return (Finding(SLUG, Severity.UNKNOWN, seen.reason, "a look from outside", seen.hint),)
    bad = tuple(_unintended(seen))
    blind = tuple(_blind(one, seen) for one in seen.addresses if not one.reached)
    if not seen.addresses:
        return (
            Finding(
                SLUG,
                Severity.UNKNOWN,
                "this host has no address that others could use",
                "an address to look at",
                "type `ip address`",
            ),
        )
    return (*bad, *blind) or (_well(seen),)


def summary(seen: ExposureSeen | Unknown) -> Finding:
    """The same as one finding: the worst, with all ports named."""
    found = findings(seen)
    if len(found) == 1:
        return found[0]
    fails = [one for one in found if one.severity is Severity.FAIL]
    told = fails or list(found)
    return Finding(
        SLUG,
        told[0].severity,
        "; ".join(one.seen for one in told),
        told[0].needed,
        "; ".join(dict.fromkeys(one.hint for one in told)),
    )


def _well(seen: ExposureSeen) -> Finding:
    answered = sorted({port for one in seen.addresses for port in one.tcp})
    ports = ", ".join(map(str, answered)) or "none"
    places = _listed([one.address for one in seen.addresses])
    udp = "" if all(one.udp_judged for one in seen.addresses) else "; UDP is silent, as behind a firewall"
    told = f"{seen.vantage}: of {seen.tried} TCP ports of {places} only {ports} answer, as intended{udp}"
    return Finding(SLUG, Severity.OK, told)


def _listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _blind(address: AddressSeen, seen: ExposureSeen) -> Finding:
    why = address.error or f"none of {seen.tried} ports answered or refused, not even one that should"
    return Finding(
        SLUG,
        Severity.UNKNOWN,
        f"{seen.vantage}, {address.address}: {why}",
        "an answer, so that silence means something",
        "look from another host: `instancectl check --exposure --from USER@HOST`",
    )


def _unintended(seen: ExposureSeen) -> Iterator[Finding]:
    where: dict[Port, list[str]] = {}
    for one in seen.addresses:
        for number in one.tcp:
            where.setdefault(("tcp", number), []).append(one.address)
        for number in one.udp:
            where.setdefault(("udp", number), []).append(one.address)
    for port in sorted(where, key=lambda port: (port[1], port[0])):
        if port not in seen.intended and (port[0] == "tcp" or port[1] in SENSITIVE_UDP):
            yield _exposed(port, where[port], seen)


def _exposed(port: Port, addresses: list[str], seen: ExposureSeen) -> Finding:
    protocol, number = port
    purpose = f" ({SENSITIVE[number]})" if number in SENSITIVE else ""
    holder, hint = _holder(port, seen.holders)
    return Finding(
        SLUG,
        Severity.FAIL,
        f"{number}/{protocol}{purpose} answers at {_listed(addresses)}, {seen.vantage}: {holder}",
        "closed to the outside",
        hint,
    )


def _holder(port: Port, holders: Holders) -> tuple[str, str]:
    """Who holds it, and what to type."""
    protocol, number = port
    leads = dict(holders.forwarded).get(port)
    publish = f"find it with `docker ps --filter publish={number}/{protocol}` and remove the published port"
    if leads:
        return f"Docker leads it to a container at {leads}", publish
    held = [one for one in holders.listeners if (one.protocol, one.port) == port and _outside(one)]
    if not held:
        return "nothing on this host is seen to hold it", "type `nft list ruleset` and look who forwards it"
    first = held[0]
    who = f"held by `{first.process}` (pid {first.pid})" if first.process else "held by an unknown process"
    if first.process == "docker-proxy":
        return f"{who} {first.detail}".rstrip(), publish
    if number in SWARM:
        return who, "type `instancectl host provision`: its firewall leaves Swarm's ports to the other hosts"
    if first.process == "dockerd":
        hint = "remove the TCP address from `hosts` in /etc/docker/daemon.json: it is root for everybody"
        return who, f"{hint}; then `systemctl restart docker`"
    listen = "have it listen on 127.0.0.1, or stop it"
    return who, f"`systemctl status {first.pid}` names its service: {listen}" if first.pid else listen
