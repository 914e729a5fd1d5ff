"""Two stand-ins federate over HTTPS: follow, delivery, deletion, and a peer that is away."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from tests.contract.standin_harness import Standin, built_images, docker, eventually
from tests.contract.standin_http import DOMAIN, fetch

pytestmark = [pytest.mark.contract, pytest.mark.slow]

PEER = "peer.test"
PUMA = ("bundle", "exec", "puma", "-C", "config/puma.rb")
CADDYFILE = f"""
{{
    skip_install_trust
}}
{DOMAIN} {{
    tls internal
    reverse_proxy web:3000
}}
{PEER} {{
    tls internal
    reverse_proxy peer-web:3000
}}
"""


def serve_tls(standin):
    """Caddy under both names; the volume option and variable that make others trust it."""
    (standin.directory / "Caddyfile").write_text(CADDYFILE)
    options = ["--network-alias", DOMAIN, "--network-alias", PEER]
    options += ["--volume", f"{standin.directory}/Caddyfile:/etc/caddy/Caddyfile:ro"]
    standin.start("edge", "caddy", options=options)
    root = "/data/caddy/pki/authorities/local/root.crt"
    certificate = eventually(lambda: docker("exec", standin.name("edge"), "cat", root))
    (standin.directory / "root.crt").write_text(certificate)
    return ["--volume", f"{standin.directory}/root.crt:/ca/root.crt:ro"], {"SSL_CERT_FILE": "/ca/root.crt"}


def talker(standin, role, domain, token):
    """Requests to one of the two, as its edge would pass them on."""

    def api(path, form=None, method=None):
        headers = {"Host": domain, "X-Forwarded-Proto": "https", "Authorization": f"Bearer {token}"}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(form).encode()
        verb = method or ("POST" if body else "GET")
        return fetch(f"{standin.address(role)}:3000", path, method=verb, headers=headers, body=body).json

    return api


@pytest.fixture(scope="module")
def federation(tmp_path_factory):
    images = built_images("mastodon", "postgres", "redis", "mail", "caddy")
    with Standin(tmp_path_factory.mktemp("standin"), images, cost="0") as standin:
        standin.stores()
        mount, trust = serve_tls(standin)
        allow = {"EMAIL_DOMAIN_ALLOWLIST": f"{DOMAIN}|{PEER}"}
        other = {"LOCAL_DOMAIN": PEER, "DB_NAME": "peer", "REDIS_DB": "1"}
        tokens = {}
        for prefix, name, env in (("", "alice", allow | trust), ("peer-", "bob", allow | trust | other)):
            assert standin.run("bin/rails", "db:setup", env=env).code == 0
            code = (
                f"u = User.create!(email: '{name}@{DOMAIN}', password: 'long enough', bypass_approval: true, "
                f"confirmed_at: Time.now, account: Account.new(username: '{name}')); "
                "puts Doorkeeper::AccessToken.issue(application: nil, user: u, scopes: 'read write').token"
            )
            tokens[name] = standin.run("bin/rails", "runner", code, env=env).output.split()[-1]
            standin.start(f"{prefix}web", "mastodon", *PUMA, env=env, options=mount)
            standin.start(f"{prefix}sidekiq", "mastodon", "bundle", "exec", "sidekiq", env=env, options=mount)
        for role, host in (("web", DOMAIN), ("peer-web", PEER)):
            address = f"{standin.address(role)}:3000"
            eventually(lambda a=address, h=host: fetch(a, "/health", headers={"Host": h}).status == 200)
        yield SimpleNamespace(
            standin=standin,
            alice=talker(standin, "web", DOMAIN, tokens["alice"]),
            bob=talker(standin, "peer-web", PEER, tokens["bob"]),
        )


def test_a_post_of_a_followed_account_crosses_over_and_goes_again(federation):
    found = federation.alice(f"/api/v2/search?resolve=true&q=@bob@{PEER}")["accounts"]
    assert [account["acct"] for account in found] == [f"bob@{PEER}"]
    federation.alice(f"/api/v1/accounts/{found[0]['id']}/follow", form={})
    count = "/api/v1/accounts/lookup?acct=bob"
    eventually(lambda: federation.bob(count)["followers_count"] == 1)

    posted = federation.bob("/api/v1/statuses", form={"status": "hello over there"})
    home = "/api/v1/timelines/home"
    arrived = eventually(lambda: federation.alice(home))
    assert arrived[0]["uri"] == posted["uri"]
    assert arrived[0]["account"]["acct"] == f"bob@{PEER}"

    federation.bob(f"/api/v1/statuses/{posted['id']}", method="DELETE")
    assert eventually(lambda: federation.alice(home) == [])


def test_a_peer_that_is_away_fills_the_retry_set_and_opens_the_breaker(federation):
    standin = federation.standin
    alice = int(standin.sql("SELECT id FROM accounts WHERE username = 'alice'"))
    arguments = ["{}", alice, "https://gone.invalid/inbox", {}]
    worker = {"retry": 16, "queue": "push", "class": "ActivityPub::DeliveryWorker", "jid": "b"}
    job = json.dumps({**worker, "args": arguments})
    standin.redis("LPUSH", "queue:push", job)
    eventually(lambda: standin.redis("ZCARD", "retry") == "1")
    assert standin.redis("HGET", "stoplight:v5:metadata:https://gone.invalid/inbox", "errors") == "1"
    standin.redis("DEL", "retry")
