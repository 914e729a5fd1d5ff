"""systemd by its notification socket, and the signals that ask to stop; see sd_notify(3)."""

from __future__ import annotations

import os
import select
import signal
import socket
from types import FrameType


class ServiceManager:
    """See `ports.supervisor.Supervisor`; without a socket in the environment nobody is told anything."""

    def __init__(self) -> None:
        """From now on SIGTERM and SIGINT ask to stop instead of killing; only for the main thread."""
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        # A pipe, not an event: a handler must not wait for a lock that the interrupted code holds.
        self._asked, self._ask = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def ready(self) -> None:
        """Say that the work has begun."""
        self._notify("READY=1")

    def tell(self, sentence: str) -> None:
        """Say how it is, and that this process is alive."""
        self._notify(f"STATUS={' '.join(sentence.split())}\nWATCHDOG=1")

    def wait(self, seconds: float) -> bool:
        """Wait; true at once when somebody asked to stop."""
        readable, _, _ = select.select([self._asked], [], [], max(0.0, seconds))
        return bool(readable)

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - how handlers are called
        os.write(self._ask, b"x")
        self._notify("STOPPING=1")

    def _notify(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the zero byte of an abstract address.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.sendto(message.encode(), address)
        except OSError:
            return  # being told is a courtesy: nobody may be there any more
