"""What a client with a public address gets: the network of these containers is made of such addresses."""

from __future__ import annotations

import secrets

import pytest

from instancectl.core.edge import EdgeSettings
from tests.contract.edge_harness import Edge, built_images, docker, eventually

pytestmark = pytest.mark.contract


class Visitor:
    """curl in a container; `address` is what the edge should see of it."""

    def __init__(self, edge, proxy):
        self.container = edge.run("visitor", "nginx", command=("sleep", "600"))
        self.address = edge.address(self.container)
        self.proxy = edge.address(proxy)

    def get(self, url, *options):
        """Status and body."""
        name = url.split("/")[2]
        answer = docker(
            "exec", self.container, "curl", "--silent", "--insecure", "--max-time", "20",
            "--resolve", f"{name}:443:{self.proxy}", "--write-out", "\n%{http_code}", *options, url,
        )  # fmt: skip
        body, _, status = answer.rpartition("\n")
        return int(status), body.rstrip("\n")


@pytest.fixture(scope="module")
def visitor(tmp_path_factory):
    settings = EdgeSettings(
        domain="social.example", tls_mode="internal", mail_catcher=True, media_local=False
    )
    # 198.18.0.0/15 is set aside for tests (RFC 2544) and is no private range.
    subnet = f"198.18.{secrets.randbelow(256)}.0/24"
    directory = tmp_path_factory.mktemp("edge")
    with Edge(directory, built_images("caddy", "nginx", "mail"), settings, subnet=subnet) as edge:
        edge.upstream()
        edge.run("mail", "mail", aliases=("mail",))
        edge.cache()
        edge.proxy()
        visitor = Visitor(edge, edge.containers[-1])
        eventually(lambda: visitor.get("https://social.example/")[0] == 200)
        yield visitor


def test_the_visitors_own_address_reaches_mastodon(visitor):
    assert visitor.get("https://social.example/-/client-address") == (200, visitor.address)


@pytest.mark.parametrize("claim", ["203.0.113.1", "203.0.113.1, 127.0.0.1", "::1"])
def test_an_address_the_visitor_claims_is_dropped(visitor, claim):
    claimed = ("--header", f"X-Forwarded-For: {claim}", "--header", f"X-Real-IP: {claim}")
    assert visitor.get("https://social.example/-/client-address", *claimed) == (200, visitor.address)


def test_caught_mail_is_not_shown_to_the_world(visitor):
    for claimed in ((), ("--header", "X-Forwarded-For: 127.0.0.1")):
        status, body = visitor.get("https://mail.social.example/api/v1/messages", *claimed)
        assert status == 403
        assert "messages" not in body


def test_http_3_is_announced_where_it_is_served(visitor):
    _, head = visitor.get("https://social.example/", "--head")
    assert 'h3=":443"' in head
