"""The shared cache: who may get whose answer.

The upstream stamps every answer with the request it was made for. An answer
leaks when it was made for somebody it must not be shown as, whatever the
upstream says about it: these tests let it say wrong things too.
"""

from __future__ import annotations

import concurrent.futures
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instancectl.core.edge import EdgeSettings
from tests.contract.edge_harness import CLIENT, Edge, built_images, eventually, fetch

pytestmark = pytest.mark.contract

PLAIN = EdgeSettings(domain="social.example", media_local=False)
AUTHORIZED_FETCH = EdgeSettings(domain="social.example", media_local=False, authorized_fetch=True)
PUBLIC = "cc=public,max-age=300"
FRESH = itertools.count()


class Cache:
    """nginx as `proxy` sees it."""

    def __init__(self, port):
        self.port = port

    def get(self, path, *, method="GET", body=None, host="social.example", **headers):
        sent = {"X-Forwarded-For": CLIENT} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return fetch(self.port, path, method=method, headers=sent, body=body, host=host)


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    with Edge(tmp_path_factory.mktemp("edge"), built_images("nginx", "mail"), PLAIN) as edge:
        edge.upstream("one")
        edge.upstream("two")
        yield edge


@pytest.fixture(scope="module")
def cache(edge):
    return ready(Cache(edge.cache()))


@pytest.fixture(scope="module")
def guarded(edge):
    return ready(Cache(edge.cache("guarded", settings=AUTHORIZED_FETCH)))


def ready(cache):
    eventually(lambda: cache.get("/private").status == 200)
    return cache


@pytest.fixture
def path():
    """A path nobody asked for yet."""
    return f"/api/v1/thing{next(FRESH)}"


# ---- what is shared ------------------------------------------------------


def test_a_public_answer_is_made_once_for_everybody(cache, path):
    answers = [cache.get(f"{path}?{PUBLIC}", X_Forwarded_For=f"203.0.113.{n}") for n in range(5)]
    assert [answer.cached for answer in answers] == ["MISS", "HIT", "HIT", "HIT", "HIT"]
    assert len({answer.json["serial"] for answer in answers}) == 1


def test_strangers_who_come_at_once_wait_for_one_answer(cache, path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cache.get(f"{path}?{PUBLIC}&delay=0.5"), range(8)))
    assert len({(answer.json["replica"], answer.json["serial"]) for answer in answers}) == 1


def test_head_and_get_share_without_mixing(cache, path):
    assert cache.get(f"{path}?{PUBLIC}", method="HEAD").body == b""
    answer = cache.get(f"{path}?{PUBLIC}")
    assert answer.cached == "HIT"
    assert answer.json["method"] == "GET"


def test_parts_are_cut_from_the_whole(cache, path):
    part = cache.get(f"{path}?{PUBLIC}&ranges=bytes", Range="bytes=0-9")
    whole = cache.get(f"{path}?{PUBLIC}&ranges=bytes")
    assert (part.status, whole.status, whole.cached) == (206, 200, "HIT")
    assert part.body == whole.body[:10]


def test_a_shared_answer_hides_the_first_askers_quota_and_request(cache, path):
    first, second = cache.get(f"{path}?{PUBLIC}"), cache.get(f"{path}?{PUBLIC}")
    for header in ("X-RateLimit-Remaining", "X-Request-Id"):
        assert header in first.headers
        assert header not in second.headers


def test_an_answer_is_asked_for_again_when_its_time_is_over(cache, path):
    first = cache.get(f"{path}?cc=public,max-age=1")
    fresh = eventually(
        lambda: (again := cache.get(f"{path}?cc=public,max-age=1")).cached == "EXPIRED" and again
    )
    assert fresh.json["serial"] != first.json["serial"] or fresh.json["replica"] != first.json["replica"]


def test_a_stale_answer_is_shown_while_a_new_one_is_fetched_if_mastodon_allows_it(cache, path):
    query = "cc=public,max-age=1,stale-while-revalidate=30&delay=0.3"
    first = cache.get(f"{path}?{query}")
    stale = eventually(lambda: (again := cache.get(f"{path}?{query}")).cached == "STALE" and again)
    assert stale.json["serial"] == first.json["serial"]
    eventually(lambda: cache.get(f"{path}?{query}").json["serial"] != first.json["serial"])


def test_files_of_the_release_are_kept_even_for_people_with_a_session(cache):
    path = f"/packs/app-{next(FRESH)}.js?type=text/javascript&{PUBLIC}"
    first = cache.get(path, Cookie="_session_id=alice", Authorization="Bearer alice")
    second = cache.get(path, Cookie="_session_id=bob")
    assert (first.cached, second.cached) == ("MISS", "HIT")
    assert "cookie" not in second.seen
    assert "authorization" not in second.seen
    assert second.headers["Cache-Control"] == "public, max-age=2419200, must-revalidate"


def test_a_file_only_one_of_two_releases_has_is_found(cache):
    for number in range(6):
        answer = cache.get(f"/packs/new-{number}.js?missing_on=one")
        assert (answer.status, answer.json["replica"]) == (200, "two")


def test_a_missing_file_is_neither_kept_nor_declared_to_last(cache):
    path = f"/packs/none-{next(FRESH)}.js?status=404&cc=no-cache"
    for _ in range(2):
        answer = cache.get(path)
        assert (answer.status, answer.cached) == (404, "MISS")
        assert answer.headers["Cache-Control"] == "no-cache"


# ---- what is not ---------------------------------------------------------

UNSHARED = {
    "private": "cc=private,max-age=300",
    "no-store": "cc=no-store",
    "no-cache": "cc=no-cache",
    "no word about it": "",
    "over at once": "cc=public,max-age=0",
    "sets a cookie": f"{PUBLIC}&cookie=_session_id=alice",
    "varies by everything": f"{PUBLIC}&vary=*",
    "unauthorized": f"{PUBLIC}&status=401",
    "forbidden": f"{PUBLIC}&status=403",
    "throttled": f"{PUBLIC}&status=429",
    "failed": f"{PUBLIC}&status=500",
    "unavailable": f"{PUBLIC}&status=503",
}


@pytest.mark.parametrize("query", UNSHARED.values(), ids=UNSHARED)
def test_an_answer_that_is_not_public_is_made_for_each(cache, path, query):
    answers = [cache.get(f"{path}?{query}") for _ in range(3)]
    assert {answer.cached for answer in answers} <= {"MISS", "EXPIRED"}
    assert len({(answer.json["replica"], answer.json["serial"]) for answer in answers}) == 3


PERSONAL = {
    "session": {"Cookie": "_session_id=alice"},
    "cookie that looks like a no": {"Cookie": "0"},
    "token": {"Authorization": "Bearer alice"},
    "token that looks like a no": {"Authorization": "0"},
    "script": {"X_Requested_With": "XMLHttpRequest"},
    "body": {"body": b"format=xml"},
}


@pytest.mark.parametrize("request_", PERSONAL.values(), ids=PERSONAL)
def test_a_personal_request_neither_fills_the_cache_nor_is_answered_from_it(cache, path, request_):
    before = cache.get(f"{path}?{PUBLIC}", **request_)
    anonymous = cache.get(f"{path}?{PUBLIC}")
    after = cache.get(f"{path}?{PUBLIC}", **request_)
    assert (before.cached, anonymous.cached, after.cached) == ("BYPASS", "MISS", "BYPASS")
    assert len({(a.json["replica"], a.json["serial"]) for a in (before, anonymous, after)}) == 3


@pytest.mark.parametrize("name", ["access_token", "bearer_token"])
def test_a_token_in_the_query_is_never_written_to_the_cache(cache, path, name):
    assert cache.get(f"{path}?{PUBLIC}&{name}=alice").cached == "BYPASS"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_reading_is_shared(cache, path, method):
    answers = [cache.get(f"{path}?{PUBLIC}", method=method) for _ in range(2)]
    assert len({(answer.json["replica"], answer.json["serial"]) for answer in answers}) == 2
    assert cache.get(f"{path}?{PUBLIC}").json["method"] == "GET"


def test_names_do_not_share(cache, path):
    for host in ("social.example", "toots.example", "social.example:8443"):
        assert cache.get(f"{path}?{PUBLIC}", host=host).seen["host"] == host


@pytest.mark.parametrize(
    "page", ["/auth/sign_up", "/auth", "/settings/profile", "/health", "/oauth/authorize"]
)
def test_nobody_queues_for_a_page_that_is_never_shared(cache, page):
    assert cache.get(f"{page}?{PUBLIC}").cached == "BYPASS"


def test_a_signed_fetch_is_shared_unless_fetches_are_authorized(cache, guarded, path):
    signed = {"Signature": 'keyId="https://blocked.example/actor"', "Accept": "application/activity+json"}
    cache.get(f"{path}?{PUBLIC}", Accept="application/activity+json")
    assert cache.get(f"{path}?{PUBLIC}", **signed).cached == "HIT"
    assert guarded.get(f"{path}?{PUBLIC}", **signed).cached == "BYPASS"
    assert guarded.get(f"{path}?{PUBLIC}", Signature_Input="sig1=()").cached == "BYPASS"


# ---- the same, at random -------------------------------------------------

HEADERS = {
    "Cookie": ["_session_id=alice", "_session_id=bob", "0"],
    "Authorization": ["Bearer alice", "Bearer bob", "0"],
    "Signature": ["alice", "bob"],
    "Accept": ["text/html", "application/activity+json"],
    "Accept-Language": ["de", "fr"],
    "Origin": ["https://a.example", "https://b.example"],
    "Range": ["bytes=0-", "bytes=0-100000"],
    "X-Forwarded-Host": ["evil.example"],
    "X-Forwarded-Scheme": ["http"],
}
VARY = ("Accept", "Accept-Language", "Origin", "Cookie", "Authorization", "Signature")
ANSWER = st.fixed_dictionaries({
    "cc": st.sampled_from([
        "public,max-age=60", "public,max-age=60,stale-while-revalidate=30,stale-if-error=300",
        "public,max-age=60", "private,max-age=60", "no-store",
    ]),
    "vary": st.lists(st.sampled_from(VARY), unique=True, max_size=3).map(", ".join),
    "cookie": st.sampled_from(["", "", "", "_session_id=new"]),
    "status": st.sampled_from([200, 200, 200, 302, 404, 410, 403, 500]),
})  # fmt: skip


@st.composite
def conversations(draw):
    """Requests for one thing that differ in one or two respects, so that they meet in the cache."""
    names = draw(st.lists(st.sampled_from(sorted(HEADERS)), min_size=1, max_size=2, unique=True))
    headers = st.fixed_dictionaries({}, optional={name: st.sampled_from(HEADERS[name]) for name in names})
    method = st.sampled_from(["GET"] * 6 + ["HEAD", "POST"])
    request = st.fixed_dictionaries({"method": method, "headers": headers})
    thing = draw(st.sampled_from(["/@admin", "/api/v1/x", "/users/a", "/packs/x.js", "/auth/sign_in"]))
    return thing, draw(st.lists(request, min_size=2, max_size=8))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=ANSWER, conversation=conversations(), guard=st.booleans())
def test_no_sequence_of_requests_leaks_an_answer(cache, guarded, answer, conversation, guard):
    """What the upstream answers is the same for all, right or wrong; who asks changes."""
    query = "&".join(f"{key}={str(value).replace(' ', '%20')}" for key, value in answer.items() if value)
    thing, requests = conversation
    example = next(FRESH)
    tier = guarded if guard else cache
    for nonce, request in enumerate(requests):
        sent = {**request["headers"], "X-Nonce": f"{example}-{nonce}"}
        got = tier.get(f"{thing}?example={example}&{query}", method=request["method"], **sent)
        if got.body:
            assert_not_somebody_elses(got.json, sent, {**request, "thing": thing}, answer, guard=guard)


def assert_not_somebody_elses(made_for, sent, request, answer, *, guard):
    headers = made_for["headers"]
    asset = request["thing"].startswith("/packs/")
    fresh = headers["x-nonce"] == sent["X-Nonce"]
    identity = ["Cookie", "Authorization"] + (["Signature"] if guard else [])

    assert made_for["path"].startswith(request["thing"])
    assert made_for["method"] == request["method"], "an answer to another method"
    assert "evil" not in str(headers)
    if asset:
        assert {"cookie", "authorization"}.isdisjoint(headers), "a file was made for somebody"
    else:
        for name in identity:
            assert headers.get(name.lower()) == sent.get(name), f"an answer made for another {name}"
    if not fresh:
        assert "public" in answer["cc"], "a private answer was shared"
        assert not answer["cookie"], "an answer with a cookie was shared"
        assert answer["status"] in {200, 302, 404, 410}, "a failure was shared"
        assert request["method"] in {"GET", "HEAD"}
        for name in filter(None, answer["vary"].split(", ")):
            if not (asset and name in {"Cookie", "Authorization"}):
                assert headers.get(name.lower()) == sent.get(name), f"{name} is in Vary"
