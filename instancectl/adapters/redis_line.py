"""Redis' protocol (RESP2) over one connection, with a deadline for the whole answer.

A client library would bring 15 MB of memory and timeouts for single reads only: a server that sends a byte
now and then would hold a scrape for ever.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

from instancectl.core.monitoring.sidekiq import Command, Reply
from instancectl.core.secrets import Secret
from instancectl.errors import Unreachable

DEADLINE_SECONDS = 2.0
LIMIT_BYTES = 64 * 1024 * 1024
"""Of one answer; more than that is no answer to our questions."""

Connect = Callable[[float], socket.socket]
"""A connected socket within so many seconds; raises OSError or Unreachable."""


class _Refused(Exception):
    """Redis answered with an error; never leaves this module."""


class RespRedisLine:
    """See `ports.redis_line.RedisLine`; safe for several threads, which take turns."""

    def __init__(
        self, connect: Connect, password: Secret, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        """Nothing is connected yet."""
        self._connect, self._password, self._deadline = connect, password, deadline_seconds
        self._lock = threading.Lock()
        self._open: _Connection | None = None

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """All replies in one round trip."""
        deadline = time.monotonic() + self._deadline
        if not self._lock.acquire(timeout=self._deadline):
            raise Unreachable("Redis still owes an answer to an earlier question", subject="redis")
        try:
            return self._ask(commands, deadline)
        except (OSError, ValueError) as error:
            self.close()
            raise _unreachable(error, self._deadline) from error
        finally:
            self._lock.release()

    def greet(self) -> None:
        """Over a connection of its own."""
        deadline = time.monotonic() + self._deadline
        try:
            fresh = self._connected(deadline)
        except (OSError, ValueError) as error:
            raise _unreachable(error, self._deadline) from error
        fresh.close()

    def _ask(self, commands: Sequence[Command], deadline: float) -> list[Reply]:
        if self._open is None:
            self._open = self._connected(deadline)
        try:
            return self._open.round_trip(commands, deadline)
        except (ConnectionError, EOFError):
            # Redis restarted in between: a question that was never answered may be asked again.
            self.close()
            self._open = self._connected(deadline)
            return self._open.round_trip(commands, deadline)

    def _connected(self, deadline: float) -> _Connection:
        made = _Connection(self._connect(max(0.05, deadline - time.monotonic())))
        try:
            # Not PING: that is refused like a write while Redis cannot save (MISCONF).
            greeting: list[Command] = [("CLIENT", "SETNAME", "instancectl"), ("ECHO", "here")]
            if self._password:
                greeting.insert(0, ("AUTH", self._password.reveal()))
            *_, echo = made.round_trip(greeting, deadline, strict=True)
        except BaseException:
            made.close()
            raise
        if echo != b"here":
            made.close()
            raise ValueError("Redis does not answer as it should")
        return made

    def close(self) -> None:
        """Let go of the connection; the next question makes a new one."""
        if self._open is not None:
            self._open.close()
            self._open = None


class _Connection:
    """One socket and what was read from it but not used yet."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = bytearray()
        self._at = 0

    def close(self) -> None:
        self._socket.close()

    def round_trip(
        self, commands: Sequence[Command], deadline: float, *, strict: bool = False
    ) -> list[Reply]:
        """Replies in order; an error of Redis is None, or with `strict` a ValueError."""
        self._socket.settimeout(max(0.05, deadline - time.monotonic()))
        self._socket.sendall(b"".join(map(_encoded, commands)))
        replies: list[Reply] = []
        for _ in commands:
            try:
                replies.append(self._reply(deadline))
            except _Refused as error:
                if strict:
                    raise ValueError(str(error)) from error
                replies.append(None)
        del self._buffer[:]
        self._at = 0
        return replies

    def _reply(self, deadline: float) -> Reply:
        line = self._line(deadline)
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise _Refused(rest.decode(errors="replace"))
        if kind == b"$":
            return self._bulk(int(rest), deadline)
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self._reply(deadline) for _ in range(count)]
        raise ValueError(f"this is not Redis: {line[:40]!r}")

    def _line(self, deadline: float) -> bytes:
        while (end := self._buffer.find(b"\r\n", self._at)) < 0:
            self._more(deadline)
        line = bytes(self._buffer[self._at : end])
        self._at = end + 2
        return line

    def _bulk(self, length: int, deadline: float) -> bytes | None:
        if length < 0:
            return None
        while len(self._buffer) < self._at + length + 2:
            self._more(deadline)
        found = bytes(self._buffer[self._at : self._at + length])
        self._at += length + 2
        return found

    def _more(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or len(self._buffer) > LIMIT_BYTES:
            raise TimeoutError
        self._socket.settimeout(left)
        chunk = self._socket.recv(262144)
        if not chunk:
            raise ConnectionResetError("the connection closed")
        self._buffer += chunk


def _encoded(command: Command) -> bytes:
    words = [word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _unreachable(error: Exception, seconds: float) -> Unreachable:
    if isinstance(error, TimeoutError):
        said = f"no answer within {seconds:.0f} s"
    elif isinstance(error, ConnectionRefusedError):
        said = "connection refused"
    else:
        said = str(error) or "the connection closed"
    return Unreachable(f"Redis: {said}", hint="type `instancectl logs redis`", subject="redis")
