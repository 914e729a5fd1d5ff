"""Every expression of the dashboard for Grafana finds data in a real Prometheus."""

from __future__ import annotations

import json
import secrets
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.exposition import MetricsServer
from instancectl.core.monitoring import catalogue_scaling as autoscaler
from instancectl.core.monitoring import panels_grafana
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.panels import PANELS
from tests.contract.standin_harness import built_images, docker, eventually
from tests.e2e.host import free_port
from tests.operations.looked_at import LookedAt

pytestmark = pytest.mark.contract

SITE = "social.example"
EXPRESSIONS = [
    (panel.title, panels_grafana.expression(lines)) for panel in PANELS.values() for lines in panel.lines
]
FURTHER = (Sample(autoscaler.PRESSURE, 0.5, ("push",)),)
"""What an agent exports beside the world that a test has."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address, once it has scraped for long enough to rate anything."""
    world = LookedAt().look()
    exporter = MetricsServer(
        ("127.0.0.1", 0), lambda: (*world.agent.samples(), *FURTHER), world.agent.watch.verdict
    )
    exporter.start()
    port, name = free_port(), f"grafana-{secrets.token_hex(4)}"
    jobs = [{"job_name": "instancectl", "static_configs": [
        {"targets": [f"127.0.0.1:{exporter.port}"], "labels": {"site": SITE}}]}]  # fmt: skip
    file = tmp_path_factory.mktemp("prometheus") / "prometheus.yml"
    file.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
    options = ("--network", "host", "--volume", f"{file}:/prometheus.yml:ro", "--entrypoint", "prometheus")
    words = ("--config.file=/prometheus.yml", "--storage.tsdb.path=/tmp/tsdb",
             f"--web.listen-address=127.0.0.1:{port}")  # fmt: skip
    file.chmod(0o644)
    Path(file.parent).chmod(0o755)
    docker("run", "--detach", "--name", name, *options, built_images("prometheus")["prometheus"], *words)
    try:
        base = f"http://127.0.0.1:{port}"
        eventually(lambda: is_ready(base))
        eventually(lambda: len(series(base, 'instancectl_build_info{site="social.example"}[20s]')) > 0)
        eventually(lambda: values(base, "count_over_time(instancectl_build_info[30s])") >= [4.0])
        yield base
    finally:
        docker("rm", "--force", "--volumes", name, check=False)
        exporter.close()


def is_ready(base: str) -> bool:
    """Whether it serves: while it reads its store it listens already, and answers 503."""
    try:
        with urllib.request.urlopen(f"{base}/-/ready", timeout=10):
            return True
    except OSError:
        return False


def series(base: str, query: str) -> list[dict[str, object]]:
    url = f"{base}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]["result"]
    except urllib.error.HTTPError as error:
        pytest.fail(f"{query}: {error.read().decode()}")


def values(base: str, query: str) -> list[float]:
    return [float(one["value"][1]) for one in series(base, query)]


def test_there_are_expressions() -> None:
    assert len(EXPRESSIONS) > 15


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=[f"{title}" for title, _ in EXPRESSIONS])
def test_it_finds_data(prometheus: str, title: str, expression: str) -> None:
    filled = expression.replace("$__rate_interval", "20s").replace("$site", SITE)
    assert series(prometheus, filled), filled


def test_of_another_instance_there_is_none(prometheus: str) -> None:
    filled = EXPRESSIONS[0][1].replace("$__rate_interval", "20s").replace("$site", "other.example")
    assert not series(prometheus, filled)
