"""What the edge turns away in a surge: strangers' reading, and always the same half of the servers."""

from __future__ import annotations

import pytest

from instancectl.core.edge import EdgeSettings
from tests.contract.edge_harness import Edge, built_images, eventually, fetch

pytestmark = pytest.mark.contract

SETTINGS = EdgeSettings(domain="social.example", shed_reading=True, half_inbox=True, media_local=False)
TIMELINE = "/api/v1/timelines/public"


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Of an edge in a surge, and of a quiet one, before the same upstream."""
    with Edge(tmp_path_factory.mktemp("edge"), built_images("nginx", "mail"), SETTINGS) as edge:
        edge.upstream()
        quiet = EdgeSettings(domain="social.example", media_local=False)
        ports = edge.cache(), edge.cache("quiet", settings=quiet)
        for port in ports:
            eventually(lambda port=port: status(port, "/") == 200)
        yield ports


def status(port: int, path: str, client: str = "203.0.113.9", method: str = "GET", **headers: str) -> int:
    sent = {"X-Forwarded-For": client, "X-Forwarded-Proto": "https", **headers}
    body = b"{}" if method == "POST" else None
    return fetch(port, path, method=method, headers=sent, body=body).status


@pytest.mark.parametrize(
    "path",
    [TIMELINE, "/api/v2/search?q=x", "/api/v1/accounts/12/statuses", "/explore", "/public/local", "/tags/x"],
)
def test_strangers_do_not_read_what_costs_most(ports, path):
    surge, quiet = ports
    assert status(surge, path) == 429
    assert status(quiet, path) == 200


def test_they_are_told_when_to_come_back(ports):
    answer = fetch(ports[0], TIMELINE, headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.headers["Retry-After"] == "10"
    assert answer.json["error"]


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer x"}, {"Cookie": "_session_id=x"}])
def test_members_read_on(ports, headers):
    assert status(ports[0], TIMELINE, **headers) == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/@admin", "/@admin/1", "/api/v2/instance", "/.well-known/webfinger", "/users/admin", "/about"],
)
def test_single_pages_and_federation_are_read_on(ports, path):
    assert status(ports[0], path) == 200


@pytest.mark.parametrize("path", ["/inbox", "/users/admin/inbox", "/ap/users/12/inbox"])
def test_half_of_the_servers_come_later_and_it_is_always_the_same_half(ports, path):
    surge, quiet = ports
    clients = [f"198.51.{number}.7" for number in range(60)]
    signed = {"Signature": "x", "Content-Type": "application/activity+json"}
    first = [status(surge, path, client, "POST", **signed) for client in clients]
    again = [status(surge, path, client, "POST", **signed) for client in clients]
    assert first == again
    assert set(first) == {200, 503}
    assert 15 <= first.count(503) <= 45
    assert {status(quiet, path, client, "POST", **signed) for client in clients[:10]} == {200}


def test_posting_and_reading_inboxes_are_no_deliveries(ports):
    clients = [f"198.51.{number}.7" for number in range(20)]
    assert {status(ports[0], "/api/v1/statuses", client, "POST") for client in clients} == {200}
