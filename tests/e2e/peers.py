"""Other servers that take deliveries slowly, and a flow of real deliveries to them.

with Peers(4, seconds=1.0) as peers:
    flow = Flow(instance, peers)
    flow.send(45)                  # so many deliveries are enqueued now
    peers.received                 # number of each delivery → how often it arrived
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.e2e.host import Instance, docker, eventually


class Peers:
    """Several addresses, so that none of them looks like the one dead server that everybody waits for."""

    def __init__(self, number: int, seconds: float) -> None:
        self.seconds = seconds
        self.received: Counter[int] = Counter()
        self._lock = threading.Lock()
        self.address = docker(
            "network", "inspect", "docker_gwbridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"
        )
        self._servers = [_server(self) for _ in range(number)]

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def inbox(self, number: int) -> str:
        port = self._servers[number % len(self._servers)].server_address[1]
        return f"http://{self.address}:{port}/inbox/{number}"

    def took(self, number: int) -> None:
        with self._lock:
            self.received[number] += 1


def _server(peers: Peers) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(peers.seconds)
            peers.took(int(self.path.rpartition("/")[2]))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silence."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: Any) -> None:
            """A worker that was stopped hangs up: it delivers again."""

    return Server((peers.address, 0), Handler)


@dataclass(frozen=True)
class Waited:
    """Seconds that the oldest job waited: at worst, and while the last of a flow came."""

    longest: float
    last: float


class Flow:
    """Enqueues deliveries the way Mastodon's own client does."""

    def __init__(self, instance: Instance, peers: Peers) -> None:
        self._instance, self._peers = instance, peers
        self._account = int(instance.sql("select id from accounts where username = 'admin'"))
        self.sent = 0

    def send(self, number: int) -> None:
        """All at once."""
        now = int(time.time() * 1000)
        jobs = [self._job(self.sent + each, now) for each in range(number)]
        self._instance.redis("LPUSH", "queue:push", *jobs)
        self._instance.redis("SADD", "queues", "push")
        self.sent += number

    def _job(self, number: int, now: int) -> str:
        args = ['{"type":"Note"}', self._account, self._peers.inbox(number)]
        return json.dumps({
            "retry": 16, "queue": "push", "class": "ActivityPub::DeliveryWorker", "args": args,
            "jid": f"{number:024x}", "created_at": now, "enqueued_at": now,
        })  # fmt: skip

    def keep_up(self, per_second: float, seconds: float) -> Waited:
        """A steady flow; returns how long the oldest job was seen to wait."""
        started, longest, last = time.monotonic(), 0.0, 0.0
        while (passed := time.monotonic() - started) < seconds:
            due = int(passed * per_second) + 1
            if due > (done := getattr(self, "_kept", 0)):
                self.send(due - done)
                self._kept = due
            longest = max(longest, last := self.latency())
            time.sleep(0.3)
        self._kept = 0
        return Waited(longest, last)

    def latency(self) -> float:
        """Seconds that the oldest delivery has waited."""
        oldest = self._instance.redis("LINDEX", "queue:push", "-1")
        return time.time() - json.loads(oldest)["enqueued_at"] / 1000 if oldest else 0.0

    def settle(self, seconds: float = 180) -> None:
        """Until every delivery has arrived, those that timed out on a busy machine once more."""
        eventually(self._all_arrived, seconds=seconds, pause=1)

    def _all_arrived(self) -> bool:
        for waiting in self._instance.redis("ZRANGE", "retry", "0", "20").splitlines():
            self._instance.redis("ZADD", "retry", "XX", "1", waiting)
        return len(self._peers.received) == self.sent
