"""A WebSocket client that listens (RFC 6455): the handshake, text messages, and a pong for each ping.

A library would bring more than this agent needs, and deadlines for single reads only.
"""

from __future__ import annotations

import http.client
import io
import socket
import struct
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from instancectl.core.checks.seen import Answer, NoAnswer, Request
from instancectl.errors import Unreachable

ACCEPTED = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""What a server makes of the example's key; RFC 6455, 1.3."""

Connect = Callable[[tuple[str, int], float], socket.socket]
"""(address, timeout in seconds) to a connected socket."""

HEAD_BYTES = 65536
MESSAGE_BYTES = 1 << 22
_TEXT, _CLOSE, _PING, _PONG, _MORE = 1, 8, 9, 10, 0
_FINAL, _KIND, _MASKED = 0x80, 0x0F, 0x80


class WebSocketStream:
    """See `ports.live_stream.LiveStream`; plain HTTP only."""

    def __init__(self, timeout_seconds: float, *, connect: Connect = socket.create_connection) -> None:
        """`timeout_seconds` is for the connection and the whole handshake."""
        self._timeout, self._connect = timeout_seconds, connect

    def open(self, request: Request) -> OpenSocket | Answer | NoAnswer:
        """Shake hands."""
        started = time.monotonic()
        try:
            return self._open(request, started)
        except TimeoutError:
            return NoAnswer(f"no answer within {time.monotonic() - started:.0f} s", "timeout")
        except ConnectionRefusedError:
            return NoAnswer("connection refused")
        except (OSError, ValueError, http.client.HTTPException, Unreachable) as error:
            return NoAnswer(str(error).strip() or "the connection closed without an answer")

    def _open(self, request: Request, started: float) -> OpenSocket | Answer:
        url = urlsplit(request.url)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers), "", ""]
        sock = self._connect((request.connect_to or url.hostname or "", url.port or 80), self._timeout)
        stream = OpenSocket(sock)
        try:
            sock.sendall("\r\n".join(lines).encode("latin-1"))
            head, _, rest = stream.head(started + self._timeout).partition(b"\r\n\r\n")
            status, headers = _read_head(head)
            if status == 101 and headers.get("sec-websocket-accept") == ACCEPTED:
                stream.begin(rest)
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()
        return Answer(status, tuple(headers.items()), b"", time.monotonic() - started)


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("latin-1").split()
    if len(words) < 2 or not words[1].isdigit():
        raise ValueError("the answer is not HTTP")
    found = http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n"))
    return int(words[1]), {name.lower(): value for name, value in found.items()}


class OpenSocket:
    """See `ports.live_stream.Messages`."""

    def __init__(self, sock: socket.socket) -> None:
        """Shakes no hands by itself."""
        self._sock, self._buffer, self._parts = sock, b"", b""

    def head(self, deadline: float) -> bytes:
        """Everything up to the end of the server's headers, and what came with it."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > HEAD_BYTES:
                raise ValueError("the answer's headers have no end")
            self._more(deadline)
        return self._buffer

    def begin(self, rest: bytes) -> None:
        """From here on there are frames."""
        self._buffer = rest

    def receive(self, seconds: float) -> str | None:
        """The next text message."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                said = self._frame(deadline)
                if said is not None:
                    return said
        except TimeoutError:
            return None
        except (OSError, ValueError) as error:
            raise Unreachable(f"the live timeline was cut: {error}", subject="streaming") from error

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _frame(self, deadline: float) -> str | None:
        """One whole frame; nothing is taken from the buffer before all of it is there."""
        first, second = self._peek(2, deadline)
        size, start = second & ~_MASKED, 2
        if size in {126, 127}:
            start = 4 if size == 126 else 10
            size = int.from_bytes(self._peek(start, deadline)[2:])
        if second & _MASKED or size + len(self._parts) > MESSAGE_BYTES:
            raise ValueError("what came is no message of a server")
        payload = self._peek(start + size, deadline)[start:]
        self._buffer = self._buffer[start + size :]
        return self._meaning(first, payload)

    def _meaning(self, first: int, payload: bytes) -> str | None:
        kind = first & _KIND
        if kind == _CLOSE:
            raise ValueError("the server closed it")
        if kind == _PING:
            # Clients mask what they send; with a mask of zeros it stays as it is.
            self._sock.sendall(struct.pack("!BBI", _FINAL | _PONG, _MASKED | len(payload), 0) + payload)
        if kind not in {_TEXT, _MORE}:
            return None
        self._parts += payload
        if not first & _FINAL:
            return None
        whole, self._parts = self._parts, b""
        return whole.decode()

    def _peek(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            self._more(deadline)
        return self._buffer[:count]

    def _more(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        chunk = self._sock.recv(65536)
        if not chunk:
            raise ConnectionError("the connection was closed")
        self._buffer += chunk
