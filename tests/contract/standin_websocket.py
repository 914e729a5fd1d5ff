"""Just enough of a WebSocket client: the handshake, and text frames from the server."""

from __future__ import annotations

import json
import socket
from types import SimpleNamespace
from typing import Self

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def _connect(address: str, path: str) -> tuple[socket.socket, SimpleNamespace]:
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    lines = [
        f"GET {path} HTTP/1.1", f"Host: {address}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}", "", "",
    ]  # fmt: skip
    connection.sendall("\r\n".join(lines).encode())
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(4096)
        if not chunk:
            break
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    text = head.decode()
    return connection, SimpleNamespace(status=int(text.split()[1]), head=text, rest=rest)


def handshake(address: str, path: str) -> SimpleNamespace:
    """`status` and `head` of the answer; the connection is closed again."""
    connection, answer = _connect(address, path)
    connection.close()
    return answer


class WebSocket:
    """A connected client; pings and pongs are skipped."""

    def __init__(self, address: str, path: str) -> None:
        self._connection, answer = _connect(address, path)
        assert answer.status == 101, answer.head
        self._buffer = answer.rest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            chunk = self._connection.recv(65536)
            assert chunk, "the server closed the connection"
            self._buffer += chunk
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def receive(self) -> dict:
        """The next text message, decoded."""
        while True:
            first, second = self._take(2)
            length = second & 0x7F
            if length == 126:
                length = int.from_bytes(self._take(2))
            elif length == 127:
                length = int.from_bytes(self._take(8))
            payload = self._take(length)
            if first & 0x0F == 1:
                return json.loads(payload)
