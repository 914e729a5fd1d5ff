"""A message of an alert as a direct message, through the interface that Mastodon has."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from instancectl.adapters.http_probe import SocketHttpProbe
from instancectl.adapters.smtp import SmtpServer
from instancectl.core.alerting import message
from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import NO_SECRET, Secret
from instancectl.operations.alerting.courier import Post
from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, Instance, docker
from tests.fakes import alerts as some

pytestmark = pytest.mark.e2e

TO = "@admin@elsewhere.example"


def test_a_page_is_one_direct_message_however_often_it_is_sent(
    instance: Instance, browser: Browser, token: str, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    authority = "/data/caddy/pki/authorities/local/root.crt"
    roots.write_text(docker("exec", instance.container("proxy"), "cat", authority))
    server = f"https://{DOMAIN}:{instance.ports[1]}"
    here = SocketHttpProbe(
        str(roots), insist=True,
        connect=lambda address, seconds: socket.create_connection(("127.0.0.1", address[1]), seconds),
    )  # fmt: skip
    config = some.config(fediverse={"server": server, "to": [TO]})
    secrets = SecretSet({"MASTODON_TOKEN": Secret(token)})
    post = Post(config, here, SmtpServer(), secrets, NO_SECRET)
    for _ in range(2):
        assert post.send("fediverse", message.read(some.posted())) == ""
    listed = browser.ask(f"/api/v1/accounts/{_account(browser, token)}/statuses", token=token).json
    (shown,) = [one for one in listed if TO in one["content"]]
    assert shown["visibility"] == "direct"
    assert "instancectl logs web" in shown["content"]
    refused = SecretSet({"MASTODON_TOKEN": Secret("no-such-token")})
    said = Post(config, here, SmtpServer(), refused, NO_SECRET).send("fediverse", message.read(some.posted()))
    assert said.startswith("answered 401")
    assert "no-such-token" not in said


def _account(browser: Browser, token: str) -> str:
    return str(browser.ask("/api/v1/accounts/verify_credentials", token=token).json["id"])
