"""Prometheus' text format by its own client library, on stdout or over HTTP.

Metric objects are made anew for every scrape: what is gone has no series, instead of its last value for ever.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from instancectl.core.monitoring.metric import Distribution, Kind, Sample
from instancectl.errors import OperationFailed

Samples = Callable[[], Iterable[Sample]]
Take = Callable[[bytes, str], int]
"""(body, `Authorization`) to an HTTP status."""

Page = tuple[int, str, bytes]
"""Status, content type, body."""

POST_BYTES = 1 << 20
IP_FREEBIND = 15
"""See ip(7); Python has no name for it."""

REQUEST_SECONDS = 10
"""Whoever connects and says nothing is let go after that."""


class _Fresh(Collector):
    """Asks for samples at every scrape."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        """Families in the order of their first sample."""
        families: dict[str, Any] = {}
        for sample in self._samples():
            metric = sample.metric
            if metric.name not in families:
                families[metric.name] = _family(sample)
            _add(families[metric.name], sample)
        yield from families.values()


def render(samples: Samples, *, process: bool = False) -> bytes:
    """One reading; `process` adds what this process itself uses."""
    registry = CollectorRegistry()
    registry.register(_Fresh(samples))
    if process:
        ProcessCollector(registry=registry)
    return generate_latest(registry)


class MetricsServer:
    """Serves `/metrics` and `/verdict` on one address; each request has its own thread."""

    def __init__(
        self,
        address: tuple[str, int],
        samples: Samples,
        verdict: Callable[[], Mapping[str, Any]],
        posts: Mapping[str, Take] | None = None,
        others: Callable[[str], Page | None] = lambda _: None,
        further: tuple[str, int] = ("", 0),
    ) -> None:
        """Listen at once.

        Args:
            address: to listen at.
            samples: of a scrape.
            verdict: of the last round.
            posts: what takes the things posted to a path.
            others: what stands at any other path.
            further: IPv4 address and port to listen at as well, also before an interface has that address;
                empty for none. One that something else has is left to it.

        Raises:
            OperationFailed: the address is taken or is not ours.
        """
        pages = {
            "/metrics": (CONTENT_TYPE_LATEST, lambda: render(samples, process=True)),
            "/verdict": ("application/json", lambda: json.dumps(dict(verdict()), indent=2).encode()),
        }
        try:
            site = _Site(pages, posts or {}, others)
            handler = type("Handler", (_Handler,), {"site": site})
            self._servers = [_Server(address, handler)]
        except OSError as error:
            raise OperationFailed(
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror or error}",
                hint="name another one: `instancectl agent run --listen 127.0.0.1:9395`",
                subject=f"{address[0]}:{address[1]}",
            ) from error
        if further[0]:
            with contextlib.suppress(OSError):
                self._servers.append(_EarlyServer(further, handler))

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        return int(self._servers[0].server_address[1])

    def start(self) -> None:
        """Serve in the background."""
        for server in self._servers:
            work = server.serve_forever
            threading.Thread(target=work, kwargs={"poll_interval": 0.2}, name="http", daemon=True).start()

    def close(self) -> None:
        """Stop listening; requests under way are not waited for."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's fault; `Handler` answers all else."""


class _EarlyServer(_Server):
    def server_bind(self) -> None:
        """Listen at an address that the host has not got yet: the private network may come up later."""
        self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        # Not that of `HTTPServer`, which asks DNS for the name of the address.
        socketserver.TCPServer.server_bind(self)


@dataclass(frozen=True, slots=True)
class _Site:
    """What one server answers with."""

    pages: Mapping[str, tuple[str, Callable[[], bytes]]]
    posts: Mapping[str, Take]
    others: Callable[[str], Page | None]


class _Handler(BaseHTTPRequestHandler):
    """Knows its site by the subclass that a server makes."""

    site: ClassVar[_Site]
    timeout = REQUEST_SECONDS
    protocol_version = "HTTP/1.1"
    # Headers and body leave together: apart, the body would wait 40 ms for the headers' acknowledgement.
    wbufsize = 1 << 20
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """One of the pages, or 404."""
        path = self.path.partition("?")[0]
        page = self.site.pages.get(path)
        try:
            if page is None:
                missing = (404, "text/plain", b"there are /metrics and /verdict\n")
                self._answer(*(self.site.others(path) or missing))
                return
            kind, body = page
            self._answer(200, kind, body())
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # noqa: BLE001 - one broken scrape must not look like an empty one
            self._answer(500, "text/plain", f"{type(error).__name__}: {error}\n".encode())

    def do_POST(self) -> None:
        """Hand a body over; the status is whatever takes it says."""
        take = self.site.posts.get(self.path.partition("?")[0])
        length = self.headers.get("Content-Length", "")
        if take is None or not length.isdigit() or int(length) > POST_BYTES:
            self.close_connection = True  # the body was not read
            self._answer(404 if take is None else 413, "text/plain", b"")
            return
        try:
            body = self.rfile.read(int(length))
            self._answer(take(body, self.headers.get("Authorization", "")), "text/plain", b"")
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # noqa: BLE001 - whoever posted must know that it was not taken
            self._answer(500, "text/plain", f"{type(error).__name__}\n".encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """A line for every scrape would drown what matters."""


def _family(sample: Sample) -> Any:
    metric = sample.metric
    if metric.kind is Kind.COUNTER:
        return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    if metric.kind is Kind.HISTOGRAM:
        return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def _add(family: Any, sample: Sample) -> None:
    value = sample.value
    if not isinstance(value, Distribution):
        family.add_metric(sample.labels, value)
        return
    bounds = [*(str(bound) for bound in sample.metric.bounds), "+Inf"]
    family.add_metric(sample.labels, list(zip(bounds, value.counts, strict=True)), value.total)
