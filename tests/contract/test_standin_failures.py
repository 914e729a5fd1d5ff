"""The stand-in lies, fails and dies as measured when PostgreSQL or Redis goes away."""

from __future__ import annotations

import http.client
import re
import time

import pytest

from tests.contract.standin_harness import Standin, built_images, docker, eventually
from tests.contract.standin_http import CAPTURED, DOMAIN, captured_http
from tests.contract.standin_websocket import WebSocket, handshake

pytestmark = pytest.mark.contract

STREAM = "/api/v1/streaming?stream=user"
WEBFINGER = f"/.well-known/webfinger?resource=acct:admin@{DOMAIN}"
DELETE = captured_http("web-inbox-unsigned-delete").request


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    images = built_images("mastodon", "mastodon-streaming", "postgres", "redis", "mail")
    with Standin(tmp_path_factory.mktemp("standin"), images, cost="0") as standin:
        standin.stores()
        assert standin.run("bin/rails", "db:setup").code == 0
        password = standin.create_user("admin", "--role", "Owner")
        standin.processes()
        standin.access = standin.user_token(f"admin@{DOMAIN}", password)
        yield standin


@pytest.fixture
def whole(standin):
    """Everything up before and after; what a test stopped is started again."""
    yield standin
    for role in ("db", "redis"):
        docker("start", standin.name(role))
    eventually(lambda: standin.api(WEBFINGER).status == 200)
    eventually(lambda: standin.api("/api/v2/instance").status == 200)
    if standin.exit_code("streaming") is not None:
        docker("start", standin.name("streaming"))
    eventually(lambda: standin.streaming("/api/v1/streaming/health").status == 200)


def probes(standin):
    """The table of probes, as statuses."""
    inbox = standin.web("/inbox", method="POST", headers=DELETE.headers, body=DELETE.body)
    post = standin.api("/api/v1/statuses", token=standin.access, form={"status": "probe"})
    return {
        "health": standin.web("/health").status,
        "instance": standin.api("/api/v2/instance").status,
        "webfinger": standin.api(WEBFINGER).status,
        "public": standin.api("/api/v1/timelines/public").status,
        "inbox": inbox.status,
        "post": post.status,
    }


def sockets(standin):
    address = f"{standin.address('streaming')}:4000"
    tokens = {"none": "", "made up": "&access_token=probe", "valid": f"&access_token={standin.access}"}
    return {name: handshake(address, STREAM + token).status for name, token in tokens.items()}


def test_all_well(whole):
    assert set(probes(whole).values()) == {200, 202}
    assert sockets(whole) == {"none": 401, "made up": 401, "valid": 101}


def test_without_postgresql(whole):
    assert whole.api("/api/v2/instance").status == 200
    docker("restart", "--time", "1", whole.name("streaming"))  # no pooled connection to lose
    eventually(lambda: whole.streaming("/api/v1/streaming/health").status == 200)
    docker("stop", whole.name("db"))
    assert probes(whole) == {
        "health": 200, "instance": 200, "webfinger": 500, "public": 500, "inbox": 500, "post": 500,
    }  # fmt: skip
    assert sockets(whole) == {"none": 401, "made up": 500, "valid": 500}
    assert whole.streaming("/api/v1/streaming/health").status == 200
    beat = float(whole.redis("HGET", whole.redis("SMEMBERS", "processes"), "beat"))
    assert time.time() - beat < 11


def test_without_redis(whole):
    before = whole.sql("SELECT count(*) FROM statuses")
    docker("stop", whole.name("redis"))
    seen = probes(whole)
    assert seen == {
        "health": 200,
        "instance": 500,
        "webfinger": 200,
        "public": 200,
        "inbox": 202,
        "post": 500,
    }
    assert whole.sql("SELECT count(*) FROM statuses") == before
    assert whole.streaming("/api/v1/streaming/health").status == 200


def test_streaming_ends_with_code_zero_when_a_pooled_connection_is_dropped(whole):
    assert sockets(whole)["made up"] == 401  # one connection is in the pool now
    docker("stop", whole.name("db"))
    assert eventually(lambda: str(whole.exit_code("streaming") or "") or whole.exit_code("streaming") == 0)
    assert whole.exit_code("streaming") == 0


def test_streaming_starts_without_a_database(whole):
    docker("stop", whole.name("db"))
    docker("restart", "--time", "1", whole.name("streaming"))
    assert eventually(lambda: whole.streaming("/api/v1/streaming/health").status == 200)


def test_web_and_sidekiq_survive_a_restart_of_both_stores(whole):
    docker("restart", whole.name("db"), whole.name("redis"))
    eventually(lambda: whole.api("/api/v1/timelines/public").status == 200)
    before = int(whole.redis("GET", "stat:processed") or 0)
    eventually(
        lambda: whole.api("/api/v1/statuses", token=whole.access, form={"status": "again"}).status == 200
    )
    eventually(lambda: int(whole.redis("GET", "stat:processed") or 0) > before, seconds=40)
    assert whole.exit_code("web") is None
    assert whole.exit_code("sidekiq") is None


def test_jobs_fail_into_retry_while_the_heartbeat_goes_on(whole):
    docker("stop", whole.name("db"))
    job = '{"retry":true,"queue":"default","class":"FeedInsertWorker","args":[1,1,"home",{}],"jid":"a"}'
    whole.redis("LPUSH", "queue:default", job)
    eventually(lambda: whole.redis("ZCARD", "retry") != "0", seconds=40)
    whole.redis("DEL", "retry")


# ---- streaming's answers, one by one


@pytest.mark.parametrize("name", ["streaming-health", "streaming-no-token"])
def test_streaming_answers_as_captured(whole, name):
    wanted = captured_http(name)
    answer = whole.streaming(wanted.request.url.removeprefix("http://streaming:4000"))
    assert (answer.status, answer.body.decode()) == (wanted.status, wanted.body)
    seen = {key.lower(): value for key, value in answer.headers.items()}
    assert list(seen) == list(wanted.headers)
    for key in set(seen) - {"date", "x-request-id"}:
        assert seen[key] == wanted.headers[key]


def test_a_refused_upgrade_is_the_captured_one(whole):
    wanted = (CAPTURED / "http" / "streaming-ws-no-token.txt").read_text().split("\n", 1)[1].rstrip()
    refused = handshake(f"{whole.address('streaming')}:4000", STREAM)
    pattern = re.sub(
        r"X-Request-Id: \S+",
        "X-Request-Id: [0-9a-f-]{36}",
        re.escape(wanted).replace("\\-", "-").replace("\\ ", " "),
    )
    assert re.fullmatch(pattern, refused.head.replace("\r", "").rstrip())


def test_a_post_arrives_on_the_socket_of_who_watches(whole):
    with WebSocket(f"{whole.address('streaming')}:4000", f"{STREAM}&access_token={whole.access}") as socket:
        metrics = whole.streaming("/metrics").body.decode()
        assert 'connected_clients{type="websocket"} 1' in metrics
        account = whole.sql("SELECT id FROM accounts WHERE username = 'admin'")
        assert eventually(lambda: whole.redis("EXISTS", f"subscribed:timeline:{account}") == "1")
        time.sleep(0.3)
        posted = whole.api("/api/v1/statuses", token=whole.access, form={"status": "live"}).json
        message = socket.receive()
        assert (message["stream"], message["event"]) == (["user"], "update")
        assert posted["id"] in message["payload"]


def test_term_ends_streaming_at_once_with_code_zero_and_web_with_143(whole):
    for role, code in (("streaming", 0), ("web", 143)):
        started = time.monotonic()
        docker("kill", "--signal", "TERM", whole.name(role))
        eventually(lambda role=role: whole.exit_code(role) is not None)
        assert whole.exit_code(role) == code
        assert time.monotonic() - started < 5
        docker("start", whole.name(role))
    eventually(lambda: whole.web("/health").status == 200)


def test_a_dropped_client_is_no_problem(whole):
    connection = http.client.HTTPConnection(whole.address("streaming"), 4000)
    connection.connect()
    connection.close()
    assert whole.streaming("/api/v1/streaming/health").status == 200
