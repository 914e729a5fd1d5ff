"""The stand-in's web answers as the real one was captured to answer."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from tests.contract.standin_harness import Standin, built_images
from tests.contract.standin_http import CAPTURED, DOMAIN, EDGE, captured_http

pytestmark = pytest.mark.contract

WEB = sorted(path.stem for path in (CAPTURED / "http").glob("web-*.txt"))

# Values that differ from one answer to the next; their shape must not.
SHAPES = {
    "x-request-id": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "x-runtime": r"\d+\.\d{6}",
    "date": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
    "etag": r'W/"[0-9a-f]{32}"',
    "x-ratelimit-remaining": r"\d{1,3}",
    "x-ratelimit-reset": r"\d{4}-\d\d-\d\dT\d\d:\d\d:00\.\d{6}Z",
}


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    """The state of the captured instance: two confirmed users, one of them owner, no post."""
    images = built_images("mastodon", "mastodon-streaming", "postgres", "redis", "mail")
    with Standin(tmp_path_factory.mktemp("standin"), images, cost="0") as standin:
        standin.stores()
        assert standin.run("bin/rails", "db:setup").code == 0
        standin.create_user("admin", "--role", "Owner")
        standin.password = standin.create_user("second")
        standin.processes()
        yield standin


def nonce_free(value: str) -> str:
    return re.sub(r"'nonce-[^']+'", "'nonce'", value)


def id_free(text: str) -> str:
    return re.sub(r"\d{15,}", "<id>", text)


@pytest.mark.parametrize("name", WEB)
def test_the_answer_is_the_captured_one(standin, name):
    wanted = captured_http(name)
    path = wanted.request.url.removeprefix("http://web:3000")
    headers = wanted.request.headers or {}
    answer = standin.web(path, method=wanted.request.method, headers=headers, body=wanted.request.body)

    assert answer.status == wanted.status
    assert id_free(answer.body.decode()) == id_free(wanted.body)
    seen = {key.lower(): value for key, value in answer.headers.items() if key.lower() != "connection"}
    assert set(seen) == set(wanted.headers)
    for key, value in wanted.headers.items():
        if key in SHAPES:
            assert re.fullmatch(SHAPES[key], seen[key]), f"{key}: {seen[key]}"
        else:
            assert nonce_free(seen[key]) == nonce_free(value), key


def test_every_instance_answer_is_in_the_captured_order_of_keys(standin):
    answer = standin.api("/api/v2/instance")
    assert json.dumps(answer.json) == json.dumps(json.loads(captured_http("web-instance").body))


def test_anonymous_pages_may_be_cached_and_vary(standin):
    profile = standin.api("/@admin")
    assert (
        profile.headers["Cache-Control"]
        == "max-age=15, public, stale-while-revalidate=30, stale-if-error=3600"
    )
    assert profile.headers["Vary"] == "Accept, Accept-Language, Cookie, Origin"
    assert "Set-Cookie" not in profile.headers


def test_an_actor_is_served_to_other_servers(standin):
    links = standin.api(f"/.well-known/webfinger?resource=acct:admin@{DOMAIN}").json["links"]
    actor = next(link["href"] for link in links if link["rel"] == "self")
    accept = {**EDGE, "Accept": "application/activity+json"}
    answer = standin.web(actor.removeprefix(f"https://{DOMAIN}"), headers=accept)
    assert answer.json["id"] == actor
    assert "BEGIN PUBLIC KEY" in answer.json["publicKey"]["publicKeyPem"]
    assert standin.web("/@admin", headers=accept).json["id"] == actor


def test_signing_in_by_form_gives_a_session_that_is_never_cacheable(standin):
    form = standin.api("/auth/sign_in")
    assert form.headers["Cache-Control"] == "private, no-store"
    cookie = form.headers["Set-Cookie"].split(";")[0]
    token = re.search(rb'name="authenticity_token" value="([^"]+)"', form.body)[1].decode()
    fields = {
        "authenticity_token": token,
        "user[email]": f"second@{DOMAIN}",
        "user[password]": standin.password,
    }

    def sign_in(**changes):
        headers = {**EDGE, "Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Origin": f"https://{DOMAIN}"}
        return standin.web(
            "/auth/sign_in", method="POST", headers=headers, body=urlencode(fields | changes).encode()
        )

    assert sign_in(**{"user[password]": "wrong"}).status == 422
    assert sign_in(authenticity_token="forged").status == 422
    done = sign_in()
    assert done.status == 303
    session = next(value for value in done.headers.get_all("Set-Cookie") if value.startswith("_session_id="))
    home = standin.web("/", headers={**EDGE, "Cookie": session.split(";")[0]})
    assert b"@second" in home.body
    assert home.headers["Cache-Control"] == "private, no-store"


def test_static_files_carry_upstreams_cache_headers(standin):
    asset = standin.api("/packs/assets/images-preview.png")
    assert asset.status == 200
    assert asset.headers["Cache-Control"] == "public, max-age=2419200, must-revalidate"


def test_an_upload_is_served_from_system_and_immutable(standin):
    token = standin.user_token(f"second@{DOMAIN}", standin.password)
    content = b"\x89PNG" + b"x" * 5000
    boundary = "b0undary"
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
            f"Content-Type: image/png\r\n\r\n"
        ).encode()
        + content
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {
        **EDGE,
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
    }
    media = standin.web("/api/v2/media", method="POST", headers=headers, body=body)
    assert media.status == 200, media.body
    file = standin.api(media.json["url"].removeprefix(f"https://{DOMAIN}"))
    assert file.body == content
    assert file.headers["Cache-Control"] == "public, max-age=2419200, immutable"
    assert file.headers["Content-Security-Policy"] == "default-src 'none'; form-action 'none'"
    assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_an_address_may_ask_three_hundred_times_in_five_minutes(standin):
    client = {**EDGE, "X-Forwarded-For": "203.0.113.77"}
    answers = [standin.web("/api/v1/instance", headers=client) for _ in range(301)]
    limited = [answer for answer in answers if answer.status == 429]
    if not limited:  # the five minutes may have ended in between
        answers += [standin.web("/api/v1/instance", headers=client) for _ in range(301)]
        limited = [answer for answer in answers if answer.status == 429]
    assert limited
    assert limited[0].json == {"error": "Too many requests"}
    assert limited[0].headers["X-RateLimit-Remaining"] == "0"
    assert standin.web("/api/v1/instance", headers={**EDGE, "X-Forwarded-For": "203.0.113.78"}).status == 200


def test_one_unfetchable_key_shuts_out_its_source_address_only(standin):
    def signed(key: str, client: str) -> int:
        signature = f'keyId="{key}",algorithm="rsa-sha256",headers="date",signature="AAAA"'
        headers = {
            **EDGE,
            "X-Forwarded-For": client,
            "Signature": signature,
            "Date": "Sun, 22 Nov 2026 04:50:00 GMT",
        }
        answer = standin.web("/inbox", method="POST", headers=headers, body=b'{"type":"Create"}')
        return answer.status, answer.json["error"]

    status, message = signed("https://a.invalid/1#main-key", "203.0.113.50")
    assert (status, message.startswith("Failed to fetch remote data")) == (503, True)
    # A second key from the same address is not even asked for; from elsewhere it is.
    status, message = signed("https://b.invalid/1#main-key", "203.0.113.50")
    assert (status, "skipped" in message) == (503, True)
    assert "No address for c.invalid" in signed("https://c.invalid/1#main-key", "203.0.113.51")[1]
