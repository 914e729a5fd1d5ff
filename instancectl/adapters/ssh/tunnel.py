"""A way to a port of a host, over a connection of its own that ends with us."""

from __future__ import annotations

import socket

from instancectl.adapters.ssh import process
from instancectl.adapters.ssh.words import Ssh
from instancectl.core.host.address import HostAddress
from instancectl.errors import OperationFailed, Unreachable


class Tunnel:
    """Listens on loopback here, and leads to an address that the host itself can reach."""

    def __init__(self, address: HostAddress, ssh: Ssh, target: str, port: int = 0) -> None:
        """Nothing is opened yet.

        Args:
            address: the host, whose key is confirmed.
            ssh: how to call `ssh`.
            target: ADDRESS:PORT as the host reaches it.
            port: to listen on here; 0 takes the target's, or a free one when that is taken.

        Raises:
            OperationFailed: the port that was asked for is taken.
        """
        self._address, self._ssh, self._target = address, ssh, target
        self.port = port or _free(int(target.rpartition(":")[2])) or _free(0)
        if not _free(self.port):
            raise OperationFailed(
                f"cannot listen on port {self.port} of this machine: it is taken",
                hint="leave `--port` out to take a free one",
                subject=str(self.port),
            )

    def hold(self) -> None:
        """Keep the way open until Ctrl-C.

        Raises:
            Unreachable: the connection could not be made, or was lost.
        """
        forward = f"127.0.0.1:{self.port}:{self._target}"
        code = process.held(self._ssh.forwarding(self._address, forward))
        if code == process.NOT_FOUND:
            raise process.missing(self._ssh.program[0])
        if code is not None:
            raise Unreachable(
                f"the way to `{self._address}` was closed (ssh ended with {code})",
                hint="run the same command again",
                subject=str(self._address),
            )


def _free(port: int) -> int:
    """The port, when nothing listens there; 0 asks for any. 0 when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return int(probe.getsockname()[1])
