"""Prometheus, Alertmanager and the agent beside a deployed instance: what breaks reaches real receivers."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from instancectl.core.backup.figures import BACKUP_METRICS
from instancectl.core.config_edit import with_values
from instancectl.core.monitoring.alerts import catalogue
from instancectl.core.monitoring.recordings import recordings, slow_recordings
from instancectl.core.monitoring.sli import SLIS
from tests.e2e.host import ROOT, STACK, Instance, docker, eventually, free_port, lines
from tests.fakes import alerts as some

pytestmark = pytest.mark.e2e

MESSAGE_WITHIN = 150
RESOLVED_WITHIN = 420
METRIC = re.compile(r"\b(?:instancectl[_:]|alertmanager_|prometheus_)[a-z0-9_:]+\b")
ABSENT = {
    "instancectl_db_replication_lag_seconds",  # no standby
    "instancectl_version_end_of_support_timestamp_seconds",  # no end of this release is announced
    "instancectl_sidekiq_cron_interval_seconds",  # only once a task was queued
    "instancectl_canary_success",  # no canary is wanted
    *(one.name for one in BACKUP_METRICS),  # no backups are set up
    *(one.record for one in slow_recordings()),  # from the first five minutes on
}
ADDRESS = "admin@elsewhere.example"


@dataclass
class Hook:
    """A receiver that remembers what it got, and when."""

    port: int = field(default_factory=free_port)
    got: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)

    def start(self) -> ThreadingHTTPServer:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/beat":
                    hook.beats.append(time.monotonic())
                else:
                    hook.got.append((time.monotonic(), json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def names(self, since: float, status: str = "firing") -> list[str]:
        told = [body for at, body in self.got if at >= since and body["status"] == status]
        return [one["name"] for body in told for one in body["alerts"]]


@dataclass
class Alarmed:
    """A deployed instance with everything that alerts."""

    instance: Instance
    prometheus: str
    hook: Hook
    mail: str
    planned_again: list[dict[str, str]]

    def query(self, expr: str) -> list[dict[str, Any]]:
        url = f"http://{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def rules(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"http://{self.prometheus}/api/v1/rules", timeout=10) as answer:
            groups = json.load(answer)["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def mails(self) -> list[str]:
        with urllib.request.urlopen(f"{self.mail}/api/v1/messages", timeout=10) as answer:
            return [one["Subject"] for one in json.load(answer)["messages"]]

    def firing(self) -> set[str]:
        found = self.query('ALERTS{alertstate="firing", severity="page"}')
        return {one["metric"]["alertname"] for one in found}


@pytest.fixture(scope="module")
def mail_server() -> Iterator[tuple[int, str]]:
    smtp, web = free_port(), free_port()
    name = docker(
        "run", "--detach", "--rm", f"--publish=127.0.0.1:{smtp}:1025", f"--publish=127.0.0.1:{web}:8025",
        "testbed/mail:1",
    )  # fmt: skip
    try:
        eventually(lambda: _answers(f"http://127.0.0.1:{web}/api/v1/messages"))
        yield smtp, f"http://127.0.0.1:{web}"
    finally:
        docker("rm", "--force", name, check=False)


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return answer.status == 200
    return False


@pytest.fixture(scope="module")
def alarmed(instance: Instance, mail_server: tuple[int, str]) -> Iterator[Alarmed]:
    build = [sys.executable, str(ROOT / "tests/testbed/build.py"), "prometheus", "alertmanager"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    agent, prometheus, manager = (f"127.0.0.1:{free_port()}" for _ in range(3))
    hook = Hook()
    server = hook.start()
    settings = {
        "monitoring.enabled": "true",
        "monitoring.listen": agent,
        "monitoring.prometheus_listen": prometheus,
        "monitoring.alertmanager_listen": manager,
        "dashboard.enabled": "false",
        "alerts.webhook.url": f"http://127.0.0.1:{hook.port}/hook",
        "alerts.heartbeat_url": f"http://127.0.0.1:{hook.port}/beat",
    }
    instance.configure(**settings)
    instance.cli("deploy")
    again = instance.cli("--json", "plan").document["data"]["steps"]
    # Mail by a server is what the agent needs; Mastodon itself keeps what it was deployed with.
    mail = {"mail.mode": "smtp", "mail.server": "127.0.0.1", "mail.starttls": "never"}
    instance.configure(**settings, **mail, **{"mail.port": mail_server[0]})
    file = instance.directory / "instance.toml"
    file.write_text(with_values(file.read_text(), {"alerts.email.to": (ADDRESS,)}))
    process = instance.start("agent", "run")
    made = Alarmed(instance, prometheus, hook, mail_server[1], again)
    try:
        eventually(lambda: _answers(f"http://{agent}/verdict"), seconds=60)
        eventually(
            lambda: made.query('sum(instancectl_sli_slices_total{sli="availability"}) > 2'), seconds=120
        )
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        server.shutdown()
        server.server_close()
        instance.configure()
        instance.cli("deploy")
        for volume in ("prometheus", "alertmanager"):
            eventually(lambda volume=volume: _gone(f"{STACK}_{volume}"), seconds=60)


def _gone(volume: str) -> bool:
    docker("volume", "rm", volume, check=False)
    return volume not in lines("volume", "ls", "-q")


@pytest.fixture
def calm(alarmed: Alarmed) -> Iterator[Alarmed]:
    """Nothing pages before."""
    eventually(lambda: not alarmed.firing(), seconds=RESOLVED_WITHIN)
    return alarmed


def test_a_second_deploy_plans_nothing(alarmed: Alarmed) -> None:
    services = lines("service", "ls", "--filter", f"name={STACK}_", "--format", "{{.Name}}")
    assert {f"{STACK}_prometheus", f"{STACK}_alertmanager"} <= set(services)
    assert alarmed.planned_again == []


def test_nothing_of_it_listens_anywhere_but_on_loopback(alarmed: Alarmed) -> None:
    said = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    found = [line.split()[3] for line in said.splitlines()]
    ports = {alarmed.prometheus.rpartition(":")[2]}
    assert [one for one in found if one.rpartition(":")[2] in ports] == [alarmed.prometheus]
    assert not [one for one in found if one.endswith(":9094")]


def test_a_test_goes_the_whole_way_to_every_receiver(calm: Alarmed) -> None:
    done = calm.instance.cli("--json", "alert", "test").document["data"]
    assert done["through_alertmanager"]
    assert done["arrived"] == ["email", "webhook"]
    assert any(done["test"] in subject for subject in calm.mails())
    assert done["test"] in calm.hook.got[-1][1]["title"]


def test_the_outside_hears_that_alerts_work(calm: Alarmed) -> None:
    eventually(lambda: calm.hook.beats, seconds=150)


def test_mastodons_own_metrics_come_under_names_of_their_own(calm: Alarmed) -> None:
    found = eventually(lambda: calm.query("mastodon_streaming_connected_clients"), seconds=90)
    assert found[0]["metric"]["instance"] == "streaming.1"
    assert not calm.query("connected_clients")


def test_every_rule_is_evaluated_and_every_expression_has_its_metrics(calm: Alarmed) -> None:
    rules = calm.rules()
    wanted = {one.name for one in catalogue(some.config())}
    assert {rule["name"] for rule in rules if rule["type"] == "alerting"} == wanted
    recorded = {one.record for one in (*recordings(SLIS), *slow_recordings())}
    assert {rule["name"] for rule in rules if rule["type"] == "recording"} == recorded
    slow = {one.record for one in slow_recordings()}  # evaluated every five minutes
    eventually(lambda: all(one["health"] != "unknown" for one in calm.rules() if one["name"] not in slow))
    assert not [(one["name"], one.get("lastError")) for one in calm.rules() if one["health"] == "err"]
    # Whatever an expression reads is there, some of it after minutes, or is said to be absent on purpose.
    read = {name for one in rules for name in METRIC.findall(one["query"])}

    def missing() -> set[str]:
        return read - {one["metric"]["__name__"] for one in calm.query('{__name__=~".+"}')} - ABSENT

    deadline = time.monotonic() + 180
    while missing() and time.monotonic() < deadline:
        time.sleep(2)
    assert not missing()


def test_web_without_replicas_is_told_in_time_and_nothing_else_pages(calm: Alarmed) -> None:
    _broken(calm, "WebDown", lambda: _scaled("web", 0), lambda: _scaled("web", 1))


@pytest.mark.slow
def test_a_frozen_database_is_told_in_time_and_nothing_else_pages(calm: Alarmed) -> None:
    name = calm.instance.container("db")
    _broken(calm, "DatabaseDown", lambda: docker("pause", name), lambda: docker("unpause", name))


def _scaled(service: str, count: int) -> None:
    docker("service", "scale", "--detach", f"{STACK}_{service}={count}")


def _broken(
    alarmed: Alarmed, expected: str, breaks: Callable[[], object], mends: Callable[[], object]
) -> None:
    hook, started = alarmed.hook, time.monotonic()
    before = len(alarmed.mails())
    breaks()
    try:
        eventually(lambda: expected in hook.names(started), seconds=MESSAGE_WITHIN)
        took = time.monotonic() - started
        eventually(lambda: len(alarmed.mails()) > before, seconds=MESSAGE_WITHIN - took + 5)
        time.sleep(10)  # whatever else would page has by then
    finally:
        mends()
    print(f"{expected}: told after {took:.0f} s")
    eventually(lambda: expected in hook.names(started, "resolved"), seconds=RESOLVED_WITHIN)
    print(f"{expected}: over after {time.monotonic() - started:.0f} s")
    time.sleep(10)  # and whatever would page once the cause is gone
    pages = [body for at, body in hook.got if at >= started and body["severity"] == "page"]
    assert {one["name"] for body in pages for one in body["alerts"]} == {expected}
    first = pages[0]
    for part in ("since", "First: sudo instancectl", "Runbook: "):
        assert part in first["text"]
