"""What people come for, through the edge."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

import pytest

from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, Instance, eventually

pytestmark = pytest.mark.e2e


def test_the_owner_logs_in_with_the_password_that_deploy_showed(instance: Instance, browser: Browser):
    home = browser.log_in(f"admin@{DOMAIN}", instance.password)
    assert home.status == 200
    assert "admin" in home.text
    assert browser.log_in(f"admin@{DOMAIN}", "wrong").status == 422


def test_somebody_signs_up_confirms_and_logs_in(browser: Browser):
    username = f"ada{secrets.token_hex(3)}"
    email, password = f"{username}@{DOMAIN}", "correct horse battery staple"
    form = {"username": username, "email": email, "password": password, "agreement": "true", "locale": "en"}
    signed_up = browser.ask("/api/v1/accounts", form=form, token=browser.token())
    assert signed_up.status == 200, signed_up.text
    assert browser.log_in(email, password).status == 422

    def confirmation():
        return next((m for m in browser.mails() if m["To"][0]["Address"] == email), None)

    mail = eventually(confirmation, seconds=30)
    link = urlsplit(re.search(r"https://\S+confirmation_token=[\w-]+", mail["Text"]).group(0))
    assert link.hostname == DOMAIN
    confirmed = browser.ask(f"{link.path}?{link.query}")
    assert confirmed.status == 200
    assert browser.log_in(email, password).status == 200


def test_a_post_is_processed_and_the_queues_are_empty_again(instance: Instance, browser: Browser, token: str):
    before = int(instance.redis("GET", "stat:processed") or 0)
    failed = int(instance.redis("GET", "stat:failed") or 0)
    posted = browser.ask("/api/v1/statuses", form={"status": "hello, world"}, token=token)
    assert posted.status == 200
    eventually(lambda: int(instance.redis("GET", "stat:processed")) > before, seconds=30)

    def waiting() -> int:
        return sum(
            int(instance.redis("LLEN", f"queue:{name}"))
            for name in instance.redis("SMEMBERS", "queues").split()
        )

    eventually(lambda: waiting() == 0, seconds=30)
    assert int(instance.redis("GET", "stat:failed") or 0) == failed
    shown = browser.ask(f"/api/v1/statuses/{posted.json['id']}")
    assert "hello, world" in shown.text


def test_a_websocket_is_answered_for_those_who_may(browser: Browser, token: str):
    assert browser.websocket(f"/api/v1/streaming?stream=user&access_token={token}") == 101
    assert browser.websocket("/api/v1/streaming?stream=user&access_token=made-up") == 401


def test_other_servers_find_the_owner(browser: Browser):
    found = browser.ask(f"/.well-known/webfinger?resource=acct:admin@{DOMAIN}")
    assert found.status == 200
    assert found.json["subject"] == f"acct:admin@{DOMAIN}"
    assert browser.ask("/users/admin", Accept="application/activity+json").status == 200


def test_the_certificate_is_the_proxys_own_for_every_name(browser: Browser):
    for name in (DOMAIN, f"mail.{DOMAIN}"):
        with browser.open(name) as connection:
            names = {value for kind, value in connection.getpeercert()["subjectAltName"] if kind == "DNS"}
        assert name in names
