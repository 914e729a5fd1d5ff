"""Through both tiers: what reaches Mastodon, what comes back, what is redirected or refused."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import os
import socket
import time

import pytest

from instancectl.core.edge import CACHE_HEALTH, PROXY_HEALTH, EdgeSettings
from tests.contract.edge_harness import Edge, built_images, docker, eventually, fetch, insecure

pytestmark = pytest.mark.contract

SETTINGS = EdgeSettings(
    domain="example.org",
    web_domain="social.example",
    alternate_domains=("toots.example",),
    www_redirect=True,
    tls_mode="internal",
    mail_catcher=True,
    http_port=8080,
    https_port=8443,
)
BODY_LIMIT = SETTINGS.body_limit_bytes


class Stack:
    """The running edge: `http` and `https` lead to Caddy, `nginx` to the tier behind."""

    def __init__(self, edge, http, https, nginx):
        self.edge, self.http_port, self.https_port, self.nginx_port = edge, http, https, nginx
        self.context = insecure()

    def https(self, path, **options):
        return fetch(self.https_port, path, tls=self.context, **options)

    def http(self, path, **options):
        return fetch(self.http_port, path, **options)

    @contextlib.contextmanager
    def connection(self):
        """A bare TLS connection to the site."""
        with (
            socket.create_connection(("127.0.0.1", self.https_port), timeout=30) as plain,
            self.context.wrap_socket(plain, server_hostname="social.example") as connection,
        ):
            yield connection


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    images = built_images("caddy", "nginx", "mail")
    directory = tmp_path_factory.mktemp("edge")
    with Edge(directory, images, SETTINGS) as edge:
        media = directory / "media"
        (media / "backups").mkdir(parents=True)
        (media / "photo.webp").write_bytes(b"webp" * 1000)
        (media / "song.flac").write_bytes(b"flac")
        (media / "backups" / "archive.zip").write_bytes(b"zip")
        media.chmod(0o755)
        edge.upstream()
        edge.run("mail", "mail", aliases=("mail",))
        nginx = edge.cache(files={"/srv/system": media})
        http, https = edge.proxy()
        running = Stack(edge, http, https, nginx)
        eventually(lambda: running.https("/").status == 200)
        yield running


def test_mastodon_sees_host_scheme_and_the_clients_address_alone(stack):
    claimed = {
        "X-Forwarded-For": "198.51.100.7, 10.0.0.1",
        "X-Real-IP": "198.51.100.7",
        "Client-IP": "198.51.100.7",
        "Forwarded": "for=198.51.100.7",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Scheme": "http",
        "Proxy": "http://evil.example",
    }
    seen = stack.https("/private", headers=claimed).seen
    assert "198.51.100.7" not in str(seen)
    assert "evil" not in str(seen)
    assert seen["host"] == "social.example"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-for"] == seen["x-real-ip"]
    assert {"proxy", "forwarded", "client-ip", "x-forwarded-host", "x-forwarded-scheme"}.isdisjoint(seen)


@pytest.mark.parametrize("path", ["/", "/packs/a.js", "/api/v1/streaming/health", "/inbox"])
def test_the_headers_are_there_on_every_route(stack, path):
    seen = stack.https(path).seen
    assert seen["host"] == "social.example"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-for"]


def test_queue_time_can_be_measured(stack):
    stamp = stack.https("/private", headers={"X-Request-Start": "t=1"}).seen["x-request-start"]
    assert stamp.startswith("t=")
    assert abs(int(stamp[2:]) / 1000 - time.time()) < 5


def test_the_host_keeps_the_port_clients_used(stack):
    """Rails compares it with Origin when a form is sent."""
    answer = fetch(stack.https_port, "/private", tls=stack.context, headers={"Host": "social.example:8443"})
    assert answer.seen["host"] == "social.example:8443"


def test_the_clients_address_can_be_asked_for(stack):
    answer = stack.https("/-/client-address", headers={"X-Forwarded-For": "198.51.100.7"})
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body.decode().strip() == stack.https("/private").seen["x-forwarded-for"]


@pytest.mark.parametrize("name", ["social.example", "toots.example", "example.org", "www.example.org"])
def test_http_is_redirected_to_https_where_clients_find_it(stack, name):
    answer = stack.http("/@admin?page=2", host=name)
    assert answer.status == 308
    assert answer.headers["Location"] == f"https://{name}:8443/@admin?page=2"


def test_unknown_names_get_nothing(stack):
    assert stack.http("/", host="unknown.example").status == 421


def test_hsts_is_set_once(stack):
    answer = stack.https("/")
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=63072000; includeSubDomains"]


def test_alternate_names_show_the_site(stack):
    assert stack.https("/private", host="toots.example").seen["host"] == "toots.example"


@pytest.mark.parametrize("path", ["webfinger?resource=acct:a@example.org", "host-meta", "nodeinfo"])
def test_the_identity_domain_points_to_the_site_for_everybody(stack, path):
    answer = stack.https(f"/.well-known/{path}", host="example.org")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://social.example:8443/.well-known/{path}"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_the_rest_of_the_identity_domain_moves_for_now(stack):
    answer = stack.https("/@admin", host="example.org")
    assert (answer.status, answer.headers["Location"]) == (302, "https://social.example:8443/@admin")


def test_www_moves_to_the_site(stack):
    answer = stack.https("/about", host="www.example.org")
    assert (answer.status, answer.headers["Location"]) == (301, "https://social.example:8443/about")


def test_caught_mail_is_shown_to_private_addresses(stack):
    assert b"Caught mail" in stack.https("/", host="mail.example.org").body


def test_media_is_shown_and_never_run(stack):
    answer = stack.https("/system/photo.webp")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == "public, max-age=2419200, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; form-action 'none'"
    assert stack.https("/system/song.flac").headers["Content-Type"] == "audio/flac"


def test_media_is_not_listed_and_nothing_beside_it_is_reachable(stack):
    assert stack.https("/system/").status in {403, 404}
    for path in ("/system/../../etc/passwd", "/system/%2e%2e/%2e%2e/etc/passwd", "/system../etc/passwd"):
        assert b"root:" not in stack.https(path).body
    missing = stack.https("/system/none.png")
    assert missing.status == 404
    assert "Cache-Control" not in missing.headers


def test_parts_of_media_can_be_asked_for(stack):
    answer = stack.https("/system/photo.webp", headers={"Range": "bytes=2-5"})
    assert (answer.status, answer.body) == (206, b"bpwe")


def test_account_archives_are_not_kept_by_anybody(stack):
    assert stack.https("/system/backups/archive.zip").headers["Cache-Control"] == "private, no-store"


def test_answers_are_compressed_for_those_who_can_read_it(stack):
    plain = stack.https("/private?size=5000")
    packed = stack.https("/private?size=5000", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 5


def test_a_websocket_talks_through_both_tiers(stack):
    with stack.connection() as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            "GET /api/v1/streaming?stream=user HTTP/1.1\r\nHost: social.example\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        assert head.startswith(b"HTTP/1.1 101 ")
        for message in (b"\x81\x05hello", b"\x81\x03bye"):
            connection.sendall(message)
            got = b""
            while len(got) < len(message) and (part := connection.recv(100)):  # a stream comes in parts
                got += part
            assert got == message


def test_events_arrive_one_by_one(stack):
    arrivals = []
    with stack.connection() as connection:
        connection.sendall(
            b"GET /api/v1/streaming/user HTTP/1.1\r\nHost: social.example\r\nAccept-Encoding: gzip\r\n\r\n"
        )
        text = b""
        while text.count(b"data:") < 4:
            text += connection.recv(4096)
            arrivals.append((time.monotonic(), text.count(b"data:")))
    first = next(moment for moment, count in arrivals if count >= 1)
    last = next(moment for moment, count in arrivals if count == 4)
    assert last - first > 1.2, "events waited for one another"


def test_the_largest_upload_is_accepted_whole(stack):
    answer = stack.https("/api/v2/media", method="POST", body=b"x" * BODY_LIMIT)
    assert answer.status == 200
    assert answer.json["received"] == BODY_LIMIT


@pytest.mark.parametrize("chunked", [False, True])
def test_a_larger_upload_is_refused_in_words_a_program_can_read(stack, chunked):
    status, body = oversized(stack, chunked=chunked)
    assert status == 413
    assert b'"error":"The upload is larger than this server accepts"' in body


def oversized(stack, *, chunked):
    """Send one MiB too much, as far as it is read; status and body of the answer."""
    with stack.connection() as connection:
        total = BODY_LIMIT + (1 << 20)
        form = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {total}"
        connection.sendall(f"POST /api/v2/media HTTP/1.1\r\nHost: social.example\r\n{form}\r\n\r\n".encode())
        piece = b"x" * (1 << 20)
        try:
            for _ in range(total // len(piece)):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        except OSError:
            pass  # the answer may come before the end
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
                if b'"}' in answer:
                    break
        except OSError:
            pass
        return int(answer.split(b" ", 2)[1]), answer


def test_a_retry_of_another_replica_is_no_second_post(stack):
    """A POST that a replica has received is answered once, whatever that answer is."""
    answer = stack.https("/inbox?status=503", method="POST", body=b"{}")
    assert answer.status == 503
    assert answer.json["path"] == "/inbox?status=503", "Mastodon's own 503 passes through"


def test_deliveries_from_one_server_are_never_limited(stack):
    headers = {
        "X-Forwarded-For": "203.0.113.50",
        "Content-Type": "application/activity+json",
        "Signature": "x",
    }

    def deliver(_):
        return fetch(stack.nginx_port, "/inbox", method="POST", body=b"{}", headers=headers).status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(deliver, range(600))) == {200}


def test_one_address_cannot_flood_web(stack):
    headers = {"X-Forwarded-For": "203.0.113.51"}

    def ask(_):
        return fetch(stack.nginx_port, "/private", headers=headers)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(700)))
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert refused[0].json == {"error": "Too many requests"}
    assert refused[0].headers["Retry-After"] == "10"
    assert sum(answer.status == 200 for answer in answers) >= SETTINGS.request_burst
    neighbour = fetch(stack.nginx_port, "/private", headers={"X-Forwarded-For": "203.0.113.52"})
    assert neighbour.status == 200


@pytest.mark.parametrize(("name", "command"), [("cache", CACHE_HEALTH), ("proxy", PROXY_HEALTH)])
def test_the_health_checks_hold(stack, name, command):
    docker("exec", f"{stack.edge.token}-{name}", *command[1:])
