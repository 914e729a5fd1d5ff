"""`/metrics` of the stand-in: names, types and labels are the captured ones."""

from __future__ import annotations

import re

import pytest

from tests.contract.standin_harness import Standin, built_images, eventually
from tests.contract.standin_http import CAPTURED, EDGE, fetch

pytestmark = pytest.mark.contract

FLAG = "MASTODON_PROMETHEUS_EXPORTER_"
EXPORTER = {
    f"{FLAG}ENABLED": "true",
    f"{FLAG}LOCAL": "true",
    f"{FLAG}HOST": "0.0.0.0",  # noqa: S104
    f"{FLAG}WEB_DETAILED_METRICS": "true",
    f"{FLAG}SIDEKIQ_DETAILED_METRICS": "true",
}
# Which kinds of collection have happened so far is up to Node.
ABSENT = {"nodejs_gc_duration_seconds"}


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    images = built_images("mastodon", "mastodon-streaming", "postgres", "redis", "mail")
    with Standin(tmp_path_factory.mktemp("standin"), images, cost="0") as standin:
        standin.stores()
        assert standin.run("bin/rails", "db:setup").code == 0
        standin.start("web", "mastodon", "bundle", "exec", "puma", "-C", "config/puma.rb", env=EXPORTER)
        enqueue = "TriggerWebhookWorker.perform_async('a', 'b', 1)"
        assert standin.run("bin/rails", "runner", enqueue).code == 0
        standin.start("sidekiq", "mastodon", "bundle", "exec", "sidekiq", env=EXPORTER)
        standin.start("streaming", "mastodon-streaming")
        eventually(lambda: standin.web("/health").status == 200)
        eventually(lambda: standin.streaming("/metrics").status == 200)
        yield standin


def families(text):
    """name -> (type, set of label names), from the exposition format."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)", text, flags=re.MULTILINE))
    labels = {name: set() for name in kinds}
    for name, inside in re.findall(r"^(\w+)(?:\{(.*)\})? [\d.e+-]+$", text, flags=re.MULTILINE):
        family = name if name in kinds else re.sub(r"_(sum|count|bucket)$", "", name)
        labels[family] |= set(re.findall(r'(\w+)="', inside))
    return {name: (kind, labels[name]) for name, kind in kinds.items()}


def captured(name):
    return families((CAPTURED / "metrics" / f"{name}.txt").read_text())


def compare(seen, wanted):
    assert set(seen) >= set(wanted)
    for name, (kind, labels) in wanted.items():
        assert seen[name][0] == kind, name
        if name not in ABSENT and labels:
            assert seen[name][1] == labels, name


def test_streaming(standin):
    compare(families(standin.streaming("/metrics").body.decode()), captured("streaming"))


def test_the_exporter_beside_web(standin):
    def read():
        return fetch(f"{standin.address('web')}:9394", "/metrics").body.decode()

    headers = {**EDGE, "X-Request-Start": "t=1795323485572"}
    assert standin.web("/api/v2/instance", headers=headers).status == 200
    eventually(lambda: 'controller="api/v2/instances",status="200"' in read())
    eventually(lambda: "puma_workers{" in read())
    wanted = captured("exporter-web")
    # Memcache is not imitated: the real one reports it as zero.
    wanted["http_request_memcache_duration_seconds"] = ("summary", set())
    compare(families(read()), wanted)


def test_the_exporter_inside_sidekiq(standin):
    def read():
        return fetch(f"{standin.address('sidekiq')}:9394", "/metrics").body.decode()

    assert eventually(
        lambda: fetch(f"{standin.address('sidekiq')}:9394", "/ping").body == b"PONG", seconds=60
    )
    eventually(lambda: "sidekiq_jobs_total{" in read())
    eventually(lambda: "sidekiq_process_busy{" in read())
    compare(families(read()), captured("exporter-sidekiq"))


def test_a_separate_exporter_adds_its_prefix(standin):
    standin.start("exporter", "mastodon", "bin/prometheus_exporter", "-b", "0.0.0.0", "--prefix", "mastodon_")  # noqa: S104
    eventually(lambda: fetch(f"{standin.address('exporter')}:9394", "/ping").body == b"PONG")
    text = fetch(f"{standin.address('exporter')}:9394", "/metrics").body.decode()
    assert "\nmastodon_collector_working 1\n" in text
