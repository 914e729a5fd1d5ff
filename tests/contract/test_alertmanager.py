"""A real Alertmanager with our file: what it groups, inhibits and silences, and that it reaches receivers."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from instancectl.adapters.daemon_threads import DaemonThreads, in_background
from instancectl.adapters.exposition import MetricsServer
from instancectl.adapters.http_probe import SocketHttpProbe
from instancectl.adapters.smtp import SmtpServer
from instancectl.adapters.sqlite.alert_spool import SqliteSpool
from instancectl.adapters.system_clock import SystemClock
from instancectl.core.alerting import alertmanager
from instancectl.core.checks.seen import Request
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring.alerts import catalogue
from instancectl.core.monitoring.catalogue_probes import CAUSE
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.rules import alertmanager_files, prometheus_files
from instancectl.core.secret_set import from_values
from instancectl.operations.alerting import Courier, Desk, Post, Silencing, Trial
from instancectl.operations.monitoring.quieting import Quieting
from tests.contract.standin_harness import built_images
from tests.fakes import alerts, instance
from tests.fakes.journal import FakeJournal
from tests.fakes.reporter import FakeReporter

pytestmark = pytest.mark.contract

GROUP_WAIT = 2


@dataclass
class Pipeline:
    """From Alertmanager to a receiver."""

    config: InstanceConfig
    spool: SqliteSpool
    post: Post
    courier: Courier
    http: SocketHttpProbe
    got: list[dict[str, Any]]
    samples: list[Sample]

    @property
    def base(self) -> str:
        return f"http://{self.config.monitoring.alertmanager_listen}"

    def silencing(self) -> Silencing:
        return Silencing(
            self.config, self.http, self.spool, FakeJournal(), FakeReporter(), SystemClock(), "ada"
        )

    def trial(self) -> Trial:
        return Trial(self.config, self.http, self.spool, self.post, SystemClock(), secrets.token_hex(3))

    def raise_alerts(self, *names: str, **labels: str) -> None:
        """As Prometheus would."""
        rows = {one.name: one for one in catalogue(self.config)}
        found = [
            {
                "labels": {"alertname": name, "severity": rows[name].severity.value, **labels},
                "annotations": {"summary": rows[name].summary, "runbook": rows[name].runbook},
            }
            for name in names
        ]
        one = Request(
            f"{self.base}/api/v2/alerts", method="POST", body=json.dumps(found).encode(),
            headers=(("Content-Type", "application/json"),),
        )  # fmt: skip
        assert alertmanager.accepted(self.http.ask(one)) is True

    def names(self) -> list[str]:
        return [one["name"] for body in self.got for one in body["alerts"]]


def topology(config: InstanceConfig) -> dict[str, tuple[str, ...]]:
    """Service → the words it is started with in the stack; its data stay in the container."""
    return {
        spec.name: tuple(word.replace("=/alertmanager", "=/tmp").replace("=/prometheus", "=/tmp")
                         for word in spec.command)
        for spec in instance.desired(config).services
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(what: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def hook() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(json.loads(body) if self.path == "/hook" else {"beat": True, "alerts": []})
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], got
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def pipeline(
    hook: tuple[int, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    directory, (port, got) = tmp_path_factory.mktemp("alertmanager"), hook
    agent, manager, prometheus = (f"127.0.0.1:{free_port()}" for _ in range(3))
    config = InstanceConfig.model_validate({
        "instance": {"domain": "social.example"},
        "monitoring": {"enabled": True, "listen": agent, "alertmanager_listen": manager,
                       "prometheus_listen": prometheus},
        "alerts": {
            "webhook": {"url": f"http://127.0.0.1:{port}/hook"},
            "heartbeat_url": f"http://127.0.0.1:{port}/beat",
        },
    })  # fmt: skip
    clock, http = SystemClock(), SocketHttpProbe(insist=True)
    with closing(SqliteSpool(directory / "messages.sqlite3")) as spool:
        desk = Desk(spool, config.alerts.receivers, alerts.TOKEN, clock.epoch_seconds)
        post = Post(config, http, SmtpServer(), from_values({}), alerts.TOKEN)
        courier = Courier(
            spool, post, desk, clock, DaemonThreads(), FakeReporter(), lambda: True, in_background
        )
        host, _, number = agent.rpartition(":")
        samples: list[Sample] = []
        server = MetricsServer(
            (host, int(number)), lambda: (*courier.samples(), *samples), dict, {"/notify": desk.take}
        )
        server.start()
        courier.start()
        fill = instance.TEMPLATES.render
        spec = topology(config)
        with (
            running(
                directory, "alertmanager", manager, alertmanager_files(config, fill), *spec["alertmanager"]
            ),
            running(directory, "prometheus", prometheus, prometheus_files(config, fill), *spec["prometheus"]),
        ):
            yield Pipeline(config, spool, post, courier, http, got, samples)
        courier.close()
        server.close()
        time.sleep(2)  # its round has ended


@contextmanager
def running(directory: Path, image: str, listen: str, files: dict[str, str], *words: str) -> Iterator[None]:
    """A program in a container, in the host's network as in the stack."""
    name = f"{image}-{secrets.token_hex(4)}"
    mounts = []
    for path, text in {**files, "/run/secrets/notify_token": alerts.TOKEN.reveal()}.items():
        # Everything else as in the stack; people may wait longer than a test.
        hurried = (
            text.replace("15s", "2s").replace("10s", "2s").replace("group_interval: 1m", "group_interval: 5s")
        )
        (directory / Path(path).name).write_text(hurried)
        mounts += ["--volume", f"{directory / Path(path).name}:{path}:ro"]
    subprocess.run(
        ["docker", "run", "--detach", "--rm", "--name", name, "--network", "host", "--user", "0", *mounts,
         built_images(image)[image], *words],
        check=True, capture_output=True,
    )  # fmt: skip
    try:
        host, _, port = listen.rpartition(":")
        until(lambda: _open(host, int(port)), 30)
        yield
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=False, capture_output=True)


def _open(host: str, port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((host, port)) == 0


def test_a_sample_becomes_a_message_in_time_and_its_end_another(pipeline: Pipeline) -> None:
    pipeline.samples.append(Sample(CAUSE, 1.0, ("streaming",)))
    started = time.monotonic()
    until(lambda: "StreamingDown" in pipeline.names(), 150)
    assert time.monotonic() - started < 150
    pipeline.samples[:] = [Sample(CAUSE, 0.0, ("streaming",))]
    until(lambda: "resolved" in [body.get("status") for body in pipeline.got], 150)
    (over,) = [body for body in pipeline.got if body.get("status") == "resolved"]
    assert over["alerts"][0]["name"] == "StreamingDown"
    assert over["alerts"][0]["until"] > over["alerts"][0]["since"]


def test_a_test_goes_the_whole_way(pipeline: Pipeline) -> None:
    result = pipeline.trial().run("webhook")
    assert result.data["through_alertmanager"]
    assert result.data["arrived"] == ["webhook"]


def test_what_explains_the_others_is_told_alone(pipeline: Pipeline) -> None:
    pipeline.raise_alerts("DatabaseDown", "WebDown", "SidekiqDown", "QueueUnattended", "ErrorBudgetBurnFast")
    until(lambda: "DatabaseDown" in pipeline.names(), GROUP_WAIT + 15)
    time.sleep(3)
    assert not {"WebDown", "SidekiqDown", "QueueUnattended", "ErrorBudgetBurnFast"} & set(pipeline.names())
    shown = pipeline.silencing().show().data["alerts"]
    assert {one["name"] for one in shown if one["inhibited"]} == {
        "WebDown", "SidekiqDown", "QueueUnattended", "ErrorBudgetBurnFast",
    }  # fmt: skip


def test_only_the_same_queue_is_explained(pipeline: Pipeline) -> None:
    pipeline.raise_alerts("SchedulerDuplicated")
    pipeline.raise_alerts("CertificateExpiringSoon", host="a.example")
    for host in ("a.example", "b.example"):
        pipeline.raise_alerts("CertificateExpiring", host=host)
    until(lambda: "CertificateExpiring" in pipeline.names(), GROUP_WAIT + 15)
    told = [one for body in pipeline.got for one in body["alerts"] if one["name"] == "CertificateExpiring"]
    assert {one["labels"]["host"] for one in told} == {"b.example"}


def test_a_silence_is_kept_and_ends(pipeline: Pipeline) -> None:
    pipeline.silencing().silence("RedisMemoryHigh", 600, "known")
    pipeline.silencing().silence("RedisMemoryHigh", 1200, "known for longer")
    shown = pipeline.silencing().show().data["silences"]
    assert [(one["alerts"], one["who"], one["why"]) for one in shown] == [
        (["RedisMemoryHigh"], "ada", "known for longer")
    ]
    pipeline.raise_alerts("RedisMemoryHigh", "AutovacuumBehind")
    until(lambda: any(one["silenced"] for one in pipeline.silencing().show().data["alerts"]), 10)
    assert pipeline.silencing().end("RedisMemoryHigh").status.value == "changed"
    assert pipeline.silencing().show().data["silences"] == []


def test_the_dashboard_silences_as_the_command_does(pipeline: Pipeline) -> None:
    def by(who: str) -> Silencing:
        return replace(pipeline.silencing(), who=who)

    desk = Quieting(pipeline.config, SystemClock(), by, lambda: None, "token")
    form = {"token": "token", "lasts": "4h", "why": "a bigger disk is on its way", "who": "Grace"}
    pipeline.raise_alerts("ReplicationLagHigh", replica="one")
    assert desk.take("ReplicationLagHigh", form).status == 303
    until(lambda: "ReplicationLagHigh" in _silenced(pipeline), 10)
    page = desk.show("ReplicationLagHigh").page
    assert "nobody is told about ReplicationLagHigh until" in page
    assert "a bigger disk is on its way" in page
    (one,) = [kept for kept in by("").running() if kept.who == "Grace"]
    assert 4 * 3600 - 60 < one.until - time.time() <= 4 * 3600
    assert desk.end({"token": "token", "id": one.id, "alert": "ReplicationLagHigh"}).status == 303
    assert "people are told about ReplicationLagHigh" in desk.show("ReplicationLagHigh").page
    assert not [kept for kept in by("").running() if kept.who == "Grace"]


def test_a_deploys_silence_covers_what_it_causes(pipeline: Pipeline) -> None:
    with pipeline.silencing().planned("deploy"):
        pipeline.raise_alerts("ContainerRestarting", service="web")
        until(lambda: "ContainerRestarting" in _silenced(pipeline), 10)
    (left,) = pipeline.silencing().show().data["silences"]
    assert left["why"] == "deploy, done"


def _silenced(pipeline: Pipeline) -> set[str]:
    return {one["name"] for one in pipeline.silencing().show().data["alerts"] if one["silenced"]}


def test_the_heartbeat_comes_through(pipeline: Pipeline) -> None:
    pipeline.raise_alerts("Watchdog")
    until(lambda: any(body.get("beat") for body in pipeline.got), 20)


def test_amtool_has_nothing_to_say_about_the_file(pipeline: Pipeline, tmp_path: Path) -> None:
    ((_, text),) = alertmanager_files(pipeline.config, instance.TEMPLATES.render).items()
    (tmp_path / "alertmanager.yml").write_text(text)
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--user", "0", "--volume", f"{tmp_path}:/w:ro",
         "--entrypoint", "amtool", built_images("alertmanager")["alertmanager"],
         "check-config", "/w/alertmanager.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
