"""The edge while things behind it stop, move, or are replaced."""

from __future__ import annotations

import concurrent.futures
import time

import pytest

from instancectl.core.edge import EdgeSettings
from tests.contract.edge_harness import CLIENT, Edge, built_images, docker, eventually, fetch, insecure

pytestmark = pytest.mark.contract

SETTINGS = EdgeSettings(domain="social.example", media_local=False, tls_mode="internal")
PUBLIC = "cc=public,max-age=1,stale-while-revalidate=30,stale-if-error=86400"
TLS = insecure()
BROWSER = {"X-Forwarded-For": CLIENT, "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
SERVER = {"X-Forwarded-For": CLIENT, "Accept": "application/activity+json"}


@pytest.fixture
def edge(tmp_path):
    with Edge(tmp_path, built_images("caddy", "nginx", "mail"), SETTINGS) as edge:
        yield edge


def answers(port, path="/private", **options):
    return eventually(lambda: (answer := fetch(port, path, **options)).status == 200 and answer)


def test_it_starts_without_web_and_finds_it_when_it_comes(edge):
    port = edge.cache()
    assert fetch(port, "/-/health").status == 200
    assert fetch(port, "/", headers=SERVER).status == 502
    edge.upstream()
    began = time.monotonic()
    answers(port)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "query", [PUBLIC, "cc=public,max-age=1"], ids=["stale allowed", "no word about stale"]
)
def test_what_was_public_is_still_served_when_every_replica_is_gone(edge, query):
    replica = edge.upstream()
    port = edge.cache()
    page = answers(port, f"/@admin?{query}")
    asset = answers(port, "/packs/app.js")
    edge.remove(replica)

    def posting():
        return fetch(port, "/api/v1/statuses", method="POST", body=b"{}", headers=BROWSER)

    eventually(lambda: posting().status == 502)
    for _ in range(20):
        began = time.monotonic()
        stale = fetch(port, f"/@admin?{query}", headers=BROWSER)
        assert (stale.status, stale.body) == (200, page.body)
        assert stale.cached in {"STALE", "UPDATING"}
        assert posting().status == 502
        assert time.monotonic() - began < 1, "an answer waited for what is not there"
    assert fetch(port, "/packs/app.js").body == asset.body


def test_a_new_nginx_knows_what_the_old_one_kept(edge):
    """They share a volume, also while both run: updates do not throw the cache away."""
    replica = edge.upstream()
    volume = ("--mount", f"type=volume,source={edge.token},target=/var/cache/nginx")
    try:
        old = edge.cache("old", options=volume)
        page = answers(old, "/@admin?cc=public,max-age=300")
        new = edge.cache("new", options=volume)
        answer = fetch(new, "/@admin?cc=public,max-age=300", headers=BROWSER)
        assert (answer.cached, answer.body) == ("HIT", page.body)

        edge.remove(f"{edge.token}-old")
        edge.remove(replica)
        newer = edge.cache("newer", options=volume)
        assert fetch(newer, "/@admin?cc=public,max-age=300").body == page.body
    finally:
        for container in list(edge.containers):
            edge.remove(container)
        docker("volume", "rm", edge.token)


def test_people_and_programs_are_told_in_their_own_way(edge):
    port = edge.cache()
    page = fetch(port, "/@admin", headers=BROWSER)
    assert (page.status, page.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert b"<h1>social.example is not available right now</h1>" in page.body

    programs = {
        "/@admin": SERVER,
        "/api/v1/timelines/home": BROWSER,
        "/.well-known/webfinger": BROWSER,
        "/api/v1/streaming": {},
        "/inbox": {},
    }
    for path, headers in programs.items():
        answer = fetch(port, path, headers=headers)
        assert (answer.status, answer.headers["Content-Type"]) == (502, "application/json"), path
        assert answer.json == {"error": "This server is not available right now"}
        assert answer.headers["Retry-After"] == page.headers["Retry-After"] == "30"
        assert answer.headers["Cache-Control"] == page.headers["Cache-Control"] == "no-store"


def test_the_proxy_says_so_itself_when_the_cache_is_gone(edge):
    _, https = edge.proxy()
    page = eventually(lambda: fetch(https, "/@admin", headers=BROWSER, tls=TLS), seconds=30)
    assert 502 <= page.status <= 504
    assert b"<h1>social.example is not available right now</h1>" in page.body
    assert page.headers["Retry-After"] == "30"
    answer = fetch(https, "/@admin", headers=SERVER, tls=TLS)
    assert answer.json == {"error": "This server is not available right now"}


def test_a_replica_with_another_address_is_found_within_two_seconds(edge):
    first = edge.upstream("first")
    port = edge.cache()
    assert answers(port).json["replica"] == "first"
    edge.upstream("second")
    edge.remove(first)
    began = time.monotonic()

    def ask(delay):
        """When it was asked, and who answered how soon."""
        time.sleep(delay)
        asked = time.monotonic()
        # A page each: those who want the same one wait for each other, half a second at a time.
        answer = fetch(port, f"/private?{delay}")
        return asked - began, answer.status, time.monotonic() - asked

    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        asked = list(pool.map(ask, [step / 10 for step in range(30)]))
    late = [(status, took) for moment, status, took in asked if moment > 2]
    assert late
    # Whoever is sent to the old address waits 2 s for it in vain.
    assert all(status == 200 and took < 1.9 for status, took in late), late


def test_maintenance_answers_503_to_all_and_stays_healthy(edge):
    edge.upstream()
    settings = EdgeSettings(
        domain="social.example",
        maintenance=True,
        maintenance_retry_after_seconds=900,
        maintenance_message="Back by <nine>",
    )
    port = edge.cache(settings=settings)
    page = fetch(port, "/@admin", headers=BROWSER)
    assert page.status == 503
    assert page.headers["Retry-After"] == "900"
    assert b"<h1>social.example is being maintained</h1>" in page.body
    assert b"Back by &lt;nine&gt;" in page.body
    for path in ("/inbox", "/api/v1/streaming", "/packs/a.js", "/system/a.png", "/api/v2/instance"):
        answer = fetch(port, path, method="POST" if path == "/inbox" else "GET", headers=SERVER)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "900"), path
        assert answer.json["error"].startswith("This server is being maintained")
    assert fetch(port, "/-/health").status == 200
    assert fetch(port, "/-/client-address", headers=BROWSER).body == f"{CLIENT}\n".encode()
