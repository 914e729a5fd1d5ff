"""Connections made from inside a container's network, without a port, a helper or a command in it.

A socket belongs to the network namespace of the thread that made it, for as long as it lives. So a thread of
its own enters the container's namespace, connects, hands the socket over and ends. Needs root, like anybody
who may use Docker's socket; see setns(2).
"""

from __future__ import annotations

import ctypes
import os
import queue
import socket
import threading
from collections.abc import Callable

from instancectl.errors import Unreachable

CLONE_NEWNET = 0x40000000
GRACE_SECONDS = 1.0
"""Beyond the connection's own timeout; nothing a thread does here can take longer."""


class ContainerNetwork:
    """Connects as if from inside the container whose main process `pid_of` names."""

    def __init__(self, pid_of: Callable[[], int]) -> None:
        """`pid_of` raises `Unreachable` when no such container runs on this host."""
        self._pid_of = pid_of

    def connect(self, address: tuple[str, int], timeout_seconds: float) -> socket.socket:
        """A connected socket with that timeout; `address` is numeric.

        Raises:
            OSError: nobody answers there.
            Unreachable: the container is gone, or this process may not enter its network.
        """
        pid = self._pid_of()
        back: queue.SimpleQueue[socket.socket | BaseException] = queue.SimpleQueue()

        def work() -> None:
            try:
                back.put(_connected(pid, address, timeout_seconds))
            except (OSError, Unreachable) as error:
                back.put(error)

        threading.Thread(target=work, name=f"enter-{pid}", daemon=True).start()
        try:
            found = back.get(timeout=timeout_seconds + GRACE_SECONDS)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(found, BaseException):
            raise found
        return found


def _connected(pid: int, address: tuple[str, int], timeout_seconds: float) -> socket.socket:
    _enter(pid)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout_seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def _enter(pid: int) -> None:
    """Move this thread, and this one only, into the network namespace of a process."""
    try:
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Unreachable("the container ended while it was asked") from error
    except PermissionError as error:
        raise _refused() from error
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(handle, CLONE_NEWNET) != 0:
            raise _refused()
    finally:
        os.close(handle)


def _refused() -> Unreachable:
    return Unreachable(
        "cannot enter the network of a container: this needs root",
        hint="run it with sudo, or let the unit `instancectl-agent` do it",
    )
