"""Plays `web` and `streaming` for the tests of the edge; runs inside a container.

Every answer says who asked for it, so that a test can see an answer that was
meant for somebody else. The query decides the rest: `cc` Cache-Control, `vary`,
`cookie` (Set-Cookie), `ranges` (Accept-Ranges), `status`, `delay` in seconds, `size` in bytes.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

REPLICA = os.environ.get("REPLICA", socket.gethostname())
CHOSEN_HEADERS = {"cc": "Cache-Control", "vary": "Vary", "cookie": "Set-Cookie", "ranges": "Accept-Ranges"}
SERIAL = itertools.count(1)
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        received = self.read_body()
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.websocket()
            return
        if url.path == "/api/v1/streaming/user":
            self.events()
            return
        time.sleep(float(query.get("delay", 0)))
        status = 404 if REPLICA in query.get("missing_on", "").split(",") else int(query.get("status", 200))
        body = json.dumps(
            {
                "replica": REPLICA,
                "serial": next(SERIAL),
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): ", ".join(self.headers.get_all(name)) for name in self.headers},
                "received": received,
                "padding": "x" * int(query.get("size", 0)),
            }
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", query.get("type", "application/json"))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-RateLimit-Remaining", "7")
        self.send_header("X-Request-Id", f"request-{next(SERIAL)}")
        for key, header in CHOSEN_HEADERS.items():
            if key in query:
                self.send_header(header, query[key])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer  # noqa: N815 - the names http.server asks for

    def read_body(self) -> int:
        """Bytes of the body, thrown away."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            total = 0
            while size := int(self.rfile.readline().split(b";")[0], 16):
                total += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return total
        left = total = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        return total

    def websocket(self) -> None:
        """Accept, then send back every byte."""
        key = self.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID, usedforsecurity=False).digest())
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept.decode())
        self.end_headers()
        while data := self.connection.recv(4096):
            self.connection.sendall(data)
        self.close_connection = True

    def events(self) -> None:
        """Server-sent events, half a second apart."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(4):
            self.wfile.write(f"event: update\ndata: {number}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.5)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main() -> None:
    for port in (3000, 4000):
        threading.Thread(target=Server(("", port), Handler).serve_forever, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
