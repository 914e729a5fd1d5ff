"""A proxy between a client and a real S3 server that makes chosen answers go wrong.

    with FaultProxy("127.0.0.1", 7480) as proxy:
        proxy.faults.append(Fault("PUT", status=503, times=3))
        client = connect(proxy.url)

A fault takes the first requests that match it, `times` of them, then it is spent.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Self

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST."""


@dataclass
class Fault:
    """What goes wrong.

    Attributes:
        method: of requests it takes.
        path: part of their target, as a regular expression.
        status: answered instead of asking the server; 0 asks it.
        body: of that answer.
        lost: the server does it, but the connection is reset before the answer.
        cut_after: so many bytes of the answer's body pass, then the connection is reset.
        flip_at: this byte of the answer's body is changed.
        truncate: so many bytes of the answer's body are left away, and nobody says so.
        replay: an earlier answer that is given again, whatever the server has now (see `FaultProxy.answers`).
        silent: nothing is answered, for as long as the client waits.
        times: how often.
    """

    method: str
    path: str = ""
    status: int = 0
    body: bytes = b""
    lost: bool = False
    cut_after: int = -1
    flip_at: int = -1
    truncate: int = 0
    replay: bytes = b""
    silent: bool = False
    times: int = 1
    seen: int = 0

    def takes(self, method: str, target: str) -> bool:
        if self.seen >= self.times or method != self.method or not re.search(self.path, target):
            return False
        self.seen += 1
        return True


class FaultProxy:
    """One request per connection on the server's side; as many as it likes on the client's."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.answers: dict[str, bytes] = {}
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.2)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._server.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._server.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(30)
        try:
            with client:
                # One request, then the connection closes: clients of S3 simply open another.
                head, body = _message(client)
                if head:
                    self._answer(client, head, body)
        except OSError:
            return

    def _answer(self, client: socket.socket, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.requests.append(f"{method} {target}")
        fault = next((one for one in self.faults if one.takes(method, target)), None)
        if fault and fault.status:
            head = f"HTTP/1.1 {fault.status} Fault\r\nContent-Length: {len(fault.body)}\r\nConnection: close"
            client.sendall(head.encode() + b"\r\n\r\n" + fault.body)
            return
        if fault and fault.silent:
            while not self._ended.wait(0.1) and not _gone(client):
                pass
            return
        answer = (fault and fault.replay) or self._ask(head, body)
        if method == "GET":
            self.answers[target] = answer
        if fault and fault.lost:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        begin = answer.index(b"\r\n\r\n") + 4
        if fault and fault.cut_after >= 0:
            client.sendall(answer[: begin + fault.cut_after])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        client.sendall(_spoilt(answer, begin, fault) if fault else answer)

    def _ask(self, head: bytes, body: bytes) -> bytes:
        lines = [
            line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"expect:"))
        ]
        request = b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]) + b"\r\n\r\n"
        with socket.create_connection(self._upstream, timeout=60) as server:
            server.sendall(request + body)
            answer = bytearray()
            while piece := server.recv(1 << 20):
                answer += piece
        return bytes(answer)


def _spoilt(answer: bytes, begin: int, fault: Fault) -> bytes:
    if fault.flip_at >= 0:
        at = begin + fault.flip_at % max(1, len(answer) - begin)
        return answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1 :]
    if fault.truncate:
        body = answer[begin : -fault.truncate]
        head = re.sub(rb"(?im)^content-length:.*$", b"Content-Length: %d\r" % len(body), answer[:begin])
        return head + body
    return answer


def _gone(client: socket.socket) -> bool:
    """Whether the other side hung up."""
    client.settimeout(0.01)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False


def _message(client: socket.socket) -> tuple[bytes, bytes]:
    """Head without its empty line, and body, of one request; empty when there is none."""
    raw = bytearray()
    while b"\r\n\r\n" not in raw:
        piece = client.recv(65536)
        if not piece:
            return b"", b""
        raw += piece
    head, _, body = bytes(raw).partition(b"\r\n\r\n")
    if re.search(rb"(?i)^expect: 100-continue", head, re.MULTILINE):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    found = re.search(rb"(?im)^content-length: *(\d+)", head)
    length = int(found[1]) if found else 0
    parts = [body]
    got = len(body)
    while got < length:
        piece = client.recv(1 << 20)
        if not piece:
            return b"", b""
        parts.append(piece)
        got += len(piece)
    return head, b"".join(parts)
