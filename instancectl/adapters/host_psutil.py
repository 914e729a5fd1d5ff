"""The host as psutil sees it; the only importer of psutil."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import psutil

from instancectl.core.checks.seen import Disk, Listener, Memory
from instancectl.errors import Unreachable

CONTAINER_INTERFACES = ("docker", "br-", "veth", "virbr", "cni", "flannel", "vxlan", "ictlook")
"""Prefixes of interfaces that only containers and virtual machines of this host (and a look) can use."""


class PsutilHost:
    """See `ports.host_facts.HostFacts`."""

    def memory(self) -> Memory:
        """Bytes."""
        found, swap = psutil.virtual_memory(), psutil.swap_memory()
        return Memory(found.total, found.available, swap.total)

    def cores(self) -> int:
        """Those this process may use."""
        return len(os.sched_getaffinity(0))

    def disk(self, path: str) -> Disk:
        """The file system that holds `path`, or its nearest parent that exists."""
        place = Path(path)
        while not place.exists() and place != place.parent:
            place = place.parent
        try:
            usage = psutil.disk_usage(str(place))
        except OSError as error:
            raise Unreachable(f"cannot see the room in `{place}`", hint=f"type `df -h {place}`") from error
        return Disk(path, usage.total, usage.free)

    def addresses(self) -> tuple[str, ...]:
        """Addresses others can use, IPv4 first."""
        found = [
            entry.address.partition("%")[0]
            for name, entries in psutil.net_if_addrs().items()
            if not name.startswith(CONTAINER_INTERFACES)
            for entry in entries
            if entry.family in {socket.AF_INET, socket.AF_INET6}
        ]
        useful = [address for address in dict.fromkeys(found) if _reachable(address)]
        return tuple(sorted(useful, key=lambda address: (":" in address, address)))

    def listeners(self, ports: Collection[int] | None = None) -> tuple[Listener, ...]:
        """Who holds these ports, or any, each once."""
        try:
            connections = psutil.net_connections("inet")
        except (psutil.AccessDenied, OSError) as error:
            raise Unreachable("cannot see who listens on this host", hint="run as root") from error
        return tuple(dict.fromkeys(_listeners(connections, None if ports is None else frozenset(ports))))


def _reachable(text: str) -> bool:
    address = ip_address(text)
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)


def _listeners(connections: list[Any], ports: frozenset[int] | None) -> Iterator[Listener]:
    for one in connections:
        if not one.laddr or (ports is not None and one.laddr.port not in ports):
            continue
        protocol: Literal["tcp", "udp"] = "tcp" if one.type == socket.SOCK_STREAM else "udp"
        if protocol == "udp" or one.status == psutil.CONN_LISTEN:
            process, detail = _process(one.pid)
            yield Listener(one.laddr.port, protocol, one.laddr.ip, process, one.pid or 0, detail)


def _process(pid: int | None) -> tuple[str, str]:
    """Name, and for Docker's proxy where it leads; empty when it is gone or hidden."""
    if not pid:
        return "", ""
    try:
        process = psutil.Process(pid)
        name, words = process.name(), process.cmdline()
    except psutil.Error:
        return "", ""
    if name != "docker-proxy" or "-container-ip" not in words:
        return name, ""
    return name, f"for the container at {words[words.index('-container-ip') + 1]}"
