"""Whether an address is this machine's own."""

from __future__ import annotations

import ipaddress
import socket


def is_own(name: str) -> bool:
    """Whether `name` is, or resolves to, an address of this machine that others can use.

    Loopback does not count: behind it may be another machine's port. What does not resolve is not ours.
    """
    try:
        found = {info[4][0] for info in socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)}
    except OSError:
        return False
    return any(_is_here(str(address).partition("%")[0]) for address in found)


def _is_here(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if ip.is_loopback or ip.is_link_local:
        return False
    # Only an address of this machine can be bound to, whatever interface it is on.
    with socket.socket(socket.AF_INET if ip.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
