from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from instancectl.adapters.exposition import MetricsServer, render
from instancectl.core.monitoring.catalogue import CATALOGUE
from instancectl.core.monitoring.metric import Counter, Kind, Metric, Sample, Tally
from instancectl.errors import OperationFailed

GAUGE = Metric("instancectl_a_bytes", Kind.GAUGE, "A.", ("queue",))
COUNTER = Metric("instancectl_b_total", Kind.COUNTER, "B.")
HISTOGRAM = Metric("instancectl_c_seconds", Kind.HISTOGRAM, "C.", ("surface",), (0.1, 1.0))


def parsed(text: bytes) -> dict[tuple[str, str], float]:
    return {
        (sample.name, ",".join(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_kind_survives_the_round_trip() -> None:
    tally, counter = Tally(HISTOGRAM), Counter(COUNTER)
    for value in (0.05, 0.5, 5.0):
        tally.add(("web",), value)
    counter.add()
    counter.add(by=2)
    samples = [Sample(GAUGE, 7, ('a"\n\\',)), *counter.samples(), *tally.samples()]
    found = parsed(render(lambda: samples))
    assert found == {
        ("instancectl_a_bytes", 'a"\n\\'): 7,
        ("instancectl_b_total", ""): 3,
        ("instancectl_c_seconds_bucket", "0.1,web"): 1,
        ("instancectl_c_seconds_bucket", "1.0,web"): 2,
        ("instancectl_c_seconds_bucket", "+Inf,web"): 3,
        ("instancectl_c_seconds_count", "web"): 3,
        ("instancectl_c_seconds_sum", "web"): 5.55,
    }


def test_samples_of_one_metric_stand_together_however_they_come() -> None:
    samples = [Sample(GAUGE, 1, ("x",)), Sample(COUNTER, 2), Sample(GAUGE, 3, ("y",))]
    assert render(lambda: samples).decode().count("# TYPE instancectl_a_bytes") == 1


def test_every_metric_of_the_catalogue_can_be_rendered_under_its_own_name() -> None:
    samples: list[Sample] = []
    for metric in CATALOGUE:
        labels = tuple("x" for _ in metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            tally = Tally(metric)
            tally.add(labels, 1)
            samples += tally.samples()
        else:
            samples.append(Sample(metric, 1, labels))
    text = render(lambda: samples).decode()
    for metric in CATALOGUE:
        assert f"# TYPE {metric.name} {metric.kind.value}\n" in text


@pytest.fixture
def served():
    pages: dict[str, Iterable[Sample]] = {"samples": [Sample(COUNTER, 1)]}

    def samples() -> Iterable[Sample]:
        if pages["samples"] is None:
            raise ValueError("broken")
        return pages["samples"]

    server = MetricsServer(("127.0.0.1", 0), samples, lambda: {"sentence": "good"})
    server.start()
    yield server, pages
    server.close()


@pytest.mark.slow
class TestServer:
    """Over a real socket on loopback."""

    def get(self, server: MetricsServer, path: str) -> tuple[int, bytes, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as found:
                return found.status, found.read(), found.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers["Content-Type"]

    def test_metrics_and_what_the_process_itself_uses(self, served) -> None:
        status, text, kind = self.get(served[0], "/metrics?name=x")
        assert status == 200
        assert kind.startswith("text/plain; version=")
        found = parsed(text)
        assert found["instancectl_b_total", ""] == 1
        assert found["process_resident_memory_bytes", ""] > 1_000_000

    def test_the_verdict_as_json(self, served) -> None:
        status, text, kind = self.get(served[0], "/verdict")
        assert (status, kind, json.loads(text)) == (200, "application/json", {"sentence": "good"})

    def test_a_scrape_that_breaks_is_not_an_empty_one(self, served) -> None:
        served[1]["samples"] = None
        assert self.get(served[0], "/metrics")[:2] == (500, b"ValueError: broken\n")

    def test_other_paths_are_not_there(self, served) -> None:
        assert self.get(served[0], "/")[0] == 404

    def test_a_taken_address_is_told(self, served) -> None:
        with pytest.raises(OperationFailed, match=r"cannot listen on 127\.0\.0\.1:\d+"):
            MetricsServer(("127.0.0.1", served[0].port), list, dict)

    def test_a_further_address_answers_the_same(self, served) -> None:
        server = MetricsServer(
            ("127.0.0.1", 0), list, lambda: {"a": 1}, further=("127.0.0.9", served[0].port)
        )
        server.start()
        try:
            found = json.load(urllib.request.urlopen(f"http://127.0.0.9:{served[0].port}/verdict", timeout=5))
        finally:
            server.close()
        assert found == {"a": 1}

    @pytest.mark.parametrize("address", ["192.0.2.7", "127.0.0.1"])
    def test_one_that_is_not_there_yet_or_taken_keeps_nobody_from_starting(self, served, address) -> None:
        server = MetricsServer(("127.0.0.1", 0), list, dict, further=(address, served[0].port))
        server.start()
        try:
            assert self.get(server, "/verdict")[0] == 200
        finally:
            server.close()


@pytest.mark.slow
class TestPosts:
    def test_what_is_posted_is_handed_over_with_its_authorization(self) -> None:
        taken: list[tuple[bytes, str]] = []

        def take(body: bytes, authorization: str) -> int:
            taken.append((body, authorization))
            return 503

        with serving({"/notify": take}) as port:
            assert post(port, "/notify", b"body", Authorization="Bearer x") == 503
            assert taken == [(b"body", "Bearer x")]
            assert post(port, "/other", b"body") == 404
            # Its head alone: a body is refused unread, and whoever still sends it sees a broken pipe.
            assert post(port, "/notify", b"", **{"Content-Length": str((1 << 20) + 1)}) == 413
        assert len(taken) == 1

    def test_one_that_breaks_is_not_accepted(self) -> None:
        with serving({"/notify": lambda *_: 1 // 0}) as port:
            assert post(port, "/notify", b"body") == 500


@contextmanager
def serving(posts: dict[str, Callable[[bytes, str], int]]) -> Iterator[int]:
    server = MetricsServer(("127.0.0.1", 0), tuple, dict, posts)
    server.start()
    try:
        yield server.port
    finally:
        server.close()


def post(port: int, path: str, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
