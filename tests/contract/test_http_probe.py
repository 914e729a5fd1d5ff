"""One HTTP request: the fake web, and a real server with its certificate."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from instancectl.adapters.http_probe import SocketHttpProbe
from instancectl.core.checks.seen import Answer, NoAnswer, Request
from tests.contract.tls_files import NOW, VALID_DAYS, Authority
from tests.fakes.http import FakeHttp, answer

SITE = "social.example"


class Bench(Protocol):
    def ask(self, path: str, **changes: Any) -> Answer | NoAnswer: ...

    def ask_nobody(self) -> Answer | NoAnswer: ...


class FakeBench:
    def __init__(self) -> None:
        self.web = FakeHttp()
        site = f"https://{SITE}"
        self.web.pages[f"{site}/health"] = answer(200, b"OK", "127.0.0.1", **{"content-type": "text/plain"})
        self.web.pages[f"{site}/missing"] = answer(404, b"", "127.0.0.1")
        self.web.pages[f"{site}/moved"] = answer(301, b"", "127.0.0.1", location="/health")

    def ask(self, path: str, **changes: Any) -> Answer | NoAnswer:
        return self.web.ask(Request(f"https://{SITE}{path}", "127.0.0.1", **changes))

    def ask_nobody(self) -> Answer | NoAnswer:
        return self.web.ask(Request("https://nobody.example/"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page: Callable[[], None] = getattr(
            self, f"page_{self.path.strip('/').partition('?')[0]}", self.page_missing
        )
        page()

    def do_HEAD(self) -> None:
        self.do_GET()

    def page_health(self) -> None:
        self.reply(200, b"OK", {"Content-Type": "text/plain"})

    def page_moved(self) -> None:
        self.reply(301, b"", {"Location": "/health"})

    def page_missing(self) -> None:
        self.reply(404, b"")

    def page_host(self) -> None:
        self.reply(200, f"{self.headers['Host']} {self.headers['X-Test']} {self.client_address[0]}".encode())

    def page_long(self) -> None:
        self.reply(200, b"x" * 200_000)

    def page_cut(self) -> None:
        self.close_connection = True

    def page_slow(self) -> None:
        time.sleep(2)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        return


class RealBench:
    def __init__(self, directory: Path, *, trusted: bool = True, names: tuple[str, ...] = (SITE,)) -> None:
        authority = Authority(directory)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = authority.context(*names, trusted=trusted).wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.port = self.server.server_port
        self.roots = authority.roots
        self.probe = SocketHttpProbe(authority.roots, 1)

    def ask(self, path: str, **changes: Any) -> Answer | NoAnswer:
        return self.probe.ask(Request(f"https://{SITE}:{self.port}{path}", "127.0.0.1", **changes))

    def ask_nobody(self) -> Answer | NoAnswer:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        return self.probe.ask(Request(f"https://{SITE}:{port}/", "127.0.0.1"))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "fake":
        yield FakeBench()
        return
    real = RealBench(tmp_path)
    yield real
    real.close()


def answered(found: Answer | NoAnswer) -> Answer:
    assert isinstance(found, Answer), found
    return found


def test_an_answer_has_status_headers_body_and_both_ends(bench: Bench) -> None:
    found = answered(bench.ask("/health"))
    assert (found.status, found.body) == (200, b"OK")
    assert found.header("Content-Type") == "text/plain"
    assert found.source_address == "127.0.0.1"
    assert found.seconds > 0


def test_other_statuses_are_answers(bench: Bench) -> None:
    assert answered(bench.ask("/missing")).status == 404


def test_redirects_are_not_followed(bench: Bench) -> None:
    found = answered(bench.ask("/moved"))
    assert found.status == 301
    assert found.header("location") == "/health"


def test_the_certificate_is_read(bench: Bench) -> None:
    certificate = answered(bench.ask("/health")).certificate
    assert certificate is not None
    assert certificate.not_after - certificate.not_before >= VALID_DAYS * 86400
    assert certificate.distrust == ""


def test_nobody_there_is_no_answer(bench: Bench) -> None:
    assert bench.ask_nobody() == NoAnswer("connection refused")


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealBench]:
    bench = RealBench(tmp_path)
    yield bench
    bench.close()


@pytest.mark.contract
class TestRealTrouble:
    def test_times_of_the_certificate_are_the_real_ones(self, real: RealBench) -> None:
        certificate = answered(real.ask("/health")).certificate
        assert certificate is not None
        assert certificate.not_after == NOW.timestamp() + VALID_DAYS * 86400

    def test_a_stranger_s_certificate_is_noted_and_the_answer_still_read(self, tmp_path: Path) -> None:
        bench = RealBench(tmp_path, trusted=False)
        found = answered(bench.ask("/health"))
        bench.close()
        assert found.status == 200
        assert found.certificate is not None
        assert found.certificate.distrust

    def test_a_certificate_of_another_name_is_noted(self, tmp_path: Path) -> None:
        bench = RealBench(tmp_path, names=("other.example",))
        found = answered(bench.ask("/health"))
        bench.close()
        assert found.certificate is not None
        assert "mismatch" in found.certificate.distrust.lower()

    @pytest.mark.parametrize("wrong", [{"trusted": False}, {"names": ("other.example",)}])
    def test_who_insists_sends_nothing_to_a_stranger(self, tmp_path: Path, wrong: dict[str, Any]) -> None:
        bench = RealBench(tmp_path, **wrong)
        insisting = SocketHttpProbe(bench.roots, 1, insist=True)
        found = insisting.ask(Request(f"https://{SITE}:{bench.port}/health", "127.0.0.1"))
        bench.close()
        assert isinstance(found, NoAnswer)
        assert found.kind == "tls"

    def test_who_insists_talks_to_a_trusted_one(self, real: RealBench) -> None:
        insisting = SocketHttpProbe(real.roots, 1, insist=True)
        found = answered(insisting.ask(Request(f"https://{SITE}:{real.port}/health", "127.0.0.1")))
        assert found.status == 200

    def test_the_name_goes_with_the_request_and_headers_may_replace_it(self, real: RealBench) -> None:
        found = answered(real.ask("/host", headers=(("Host", SITE), ("X-Test", "1"))))
        assert found.body == f"{SITE} 1 127.0.0.1".encode()

    def test_a_long_body_is_read_up_to_the_limit(self, real: RealBench) -> None:
        assert len(answered(real.ask("/long", limit_bytes=1000)).body) == 1000

    def test_head_has_no_body(self, real: RealBench) -> None:
        found = answered(real.ask("/health", method="HEAD"))
        assert (found.status, found.body) == (200, b"")
        assert found.header("date")

    def test_a_connection_that_is_cut_is_no_answer(self, real: RealBench) -> None:
        assert isinstance(real.ask("/cut"), NoAnswer)

    def test_a_server_that_hangs_is_no_answer_in_time(self, real: RealBench) -> None:
        started = time.monotonic()
        found = real.ask("/slow")
        assert isinstance(found, NoAnswer)
        assert "no answer within 1 s" in found.reason
        assert time.monotonic() - started < 2

    def test_plain_http_where_tls_is_spoken_is_no_answer(self, real: RealBench) -> None:
        assert isinstance(real.probe.ask(Request(f"http://127.0.0.1:{real.port}/health")), NoAnswer)

    def test_tls_where_plain_http_is_spoken_is_no_answer(self) -> None:
        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        found = SocketHttpProbe(timeout_seconds=1).ask(
            Request(f"https://127.0.0.1:{server.server_port}/health")
        )
        plain = SocketHttpProbe(timeout_seconds=1).ask(
            Request(f"http://127.0.0.1:{server.server_port}/health")
        )
        server.shutdown()
        server.server_close()
        assert isinstance(found, NoAnswer)
        assert found.reason.startswith("no TLS")
        assert answered(plain).certificate is None

    def test_a_name_that_does_not_resolve_is_no_answer(self) -> None:
        found = SocketHttpProbe(timeout_seconds=2).ask(Request("http://nobody.invalid/"))
        assert isinstance(found, NoAnswer)
        assert "`nobody.invalid`" in found.reason
