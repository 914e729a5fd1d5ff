"""What Mastodon's own processes export is handed on, each replica at a path of its own."""

from __future__ import annotations

import json

from instancectl.core.checks.seen import NoAnswer
from instancectl.core.monitoring.relayed import NETWORK, relayed
from instancectl.core.monitoring.rules import prometheus_files
from instancectl.core.topology.parts import EDGE
from instancectl.core.unknown import Unknown
from instancectl.operations.monitoring.relaying import Relay
from tests.fakes import instance
from tests.fakes.http import FakeHttp, answer
from tests.fakes.stack_sight import FakeStackSight

EXPORTED = {
    "MASTODON_PROMETHEUS_EXPORTER_ENABLED": "true",
    "MASTODON_PROMETHEUS_EXPORTER_LOCAL": "true",
    "MASTODON_PROMETHEUS_EXPORTER_HOST": "0.0.0.0",  # noqa: S104 - as its documentation says
}


def world(**env: str) -> tuple[Relay, FakeHttp, FakeStackSight]:
    stack, http = FakeStackSight(), FakeHttp()
    stack.all()
    stack.replicas("streaming", 2)
    relay = Relay(instance.config(mastodon={"env": env}), http, stack.look, lambda: "127.0.0.1:9394")
    return relay, http, stack


def test_each_replica_is_a_target_of_the_agent() -> None:
    relay, _, _ = world()
    status, kind, body = relay.page("/targets/mastodon-streaming")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == [
        {
            "targets": ["127.0.0.1:9394"],
            "labels": {
                "__metrics_path__": f"/relay/streaming/{slot}",
                "instance": f"streaming.{slot}",
                "service": "streaming",
            },
        }
        for slot in (1, 2)
    ]


def test_targets_are_where_prometheus_reaches_the_agent_now() -> None:
    stack, listens = FakeStackSight(), ["127.0.0.1:9394"]
    stack.replicas("streaming", 1)
    relay = Relay(instance.config(), FakeHttp(), stack.look, lambda: listens[-1])
    listens.append("10.86.0.1:9394")
    assert json.loads(relay.page("/targets/mastodon-streaming")[2])[0]["targets"] == ["10.86.0.1:9394"]


def test_the_relay_asks_exactly_that_replica() -> None:
    relay, http, stack = world()
    second = stack.look().of("streaming")[1].addresses
    url = f"http://{second['edge']}:4000/metrics"
    http.pages[url] = answer(200, b"connected_clients 3\n", **{"content-type": "text/plain; version=0.0.4"})
    assert relay.page("/relay/streaming/2") == (200, "text/plain; version=0.0.4", b"connected_clients 3\n")
    assert [one.url for one in http.asked] == [url]


def test_it_asks_in_the_network_that_the_agent_enters() -> None:
    assert NETWORK == EDGE
    relay, _, stack = world()
    stack.replicas("streaming", 0)
    assert relay.page("/relay/streaming/1") is None


def test_nothing_else_is_behind_it() -> None:
    relay, http, _ = world()
    for path in ("/relay/streaming/3", "/relay/db/1", "/relay/web/1", "/relay/", "/relay/streaming/1/x",
                 "/targets/db", "/targets/", "/"):  # fmt: skip
        assert relay.page(path) is None
    assert not http.asked


def test_a_replica_that_does_not_answer_is_a_failed_scrape() -> None:
    relay, http, _ = world()
    assert relay.page("/relay/streaming/1")[0] == 502
    relay = Relay(instance.config(), http, lambda: Unknown("nobody looked"), lambda: "127.0.0.1:9394")
    assert relay.page("/targets/mastodon-streaming")[0] == 503
    assert relay.page("/relay/streaming/1") is None
    http.pages.clear()
    assert isinstance(http.ask(http.asked[0]), NoAnswer)


def test_sidekiqs_own_exporter_is_asked_where_it_is_enabled() -> None:
    assert [job.job for job in relayed(instance.config())] == ["mastodon-streaming"]
    relay, http, _ = world(**EXPORTED, MASTODON_PROMETHEUS_EXPORTER_PORT="9500")
    found = json.loads(relay.page("/targets/mastodon-sidekiq")[2])
    assert {one["labels"]["service"] for one in found} >= {"sidekiq"}
    assert all(one["labels"]["service"].startswith("sidekiq") for one in found)
    relay.page("/relay/sidekiq/1")
    assert http.asked[-1].url.endswith(":9500/metrics")


def test_their_names_cannot_be_taken_for_ours() -> None:
    config = instance.config(monitoring={"enabled": True}, mastodon={"env": EXPORTED})
    text = prometheus_files(config, instance.TEMPLATES.render)["/etc/prometheus/prometheus.yml"]
    assert "replacement: mastodon_streaming_$1" in text
    assert "replacement: mastodon_$1" in text
    assert "url: http://127.0.0.1:9394/targets/mastodon-sidekiq" in text
