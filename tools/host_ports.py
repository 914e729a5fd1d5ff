"""The ports of this machine that the local instance publishes."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

import machine
from note import QuickstartError


@dataclass(frozen=True)
class Ports:
    """Published ports of this machine."""

    http: int
    https: int

    @property
    def suffix(self) -> str:
        """What a URL needs after the host name."""
        return "" if self.https == 443 else f":{self.https}"


def refuse_taken_ports(ports: Ports) -> None:
    """Say who holds a port before anything is installed.

    Raises:
        QuickstartError: one of the two is taken.
    """
    for port, option in ((ports.http, "--http-port"), (ports.https, "--https-port")):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except PermissionError:
                continue  # an unprivileged user; Docker binds it
            except OSError:
                raise QuickstartError(
                    f"port {port} is taken by {holder(port)}; nothing was changed",
                    f"stop it, or choose another: ./quickstart {option} {port + 8000}",
                    7,
                ) from None


def holder(port: int) -> str:
    """The program that listens on a port, as far as it can be seen."""
    found = machine.answer("ss", "-Hltnp", f"sport = :{port}").stdout
    match = re.search(r'users:\(\("([^"]+)",pid=(\d+)', found)
    return f"`{match[1]}` (process {match[2]})" if match else "another program"
