"""Prometheus, Alertmanager and the agent beside a deployed instance: what breaks reaches real receivers."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instancectl.core.backup.figures import BACKUP_METRICS
from instancectl.core.backup.wal_figures import WAL_METRICS
from instancectl.core.monitoring.alerts import catalogue
from instancectl.core.monitoring.recordings import recordings, slow_recordings
from instancectl.core.monitoring.sli import SLIS, TIMELINE
from tests.contract.chromium import PROGRAM, Chromium
from tests.e2e import alarm
from tests.e2e.alarm import Alarmed
from tests.e2e.host import STACK, Instance, docker, eventually, free_port, lines
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
    *(one.name for one in (*BACKUP_METRICS, *WAL_METRICS)),  # no backups are set up
    *(one.record for one in slow_recordings()),  # from the first five minutes on
}


@pytest.fixture(scope="module")
def dashboard() -> str:
    """Where the agent serves it."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def alarmed(instance: Instance, dashboard: str) -> Iterator[Alarmed]:
    wanted = {"dashboard.enabled": "true", "dashboard.listen": dashboard}
    with alarm.mail_server() as mail, alarm.alarmed(instance, mail, **wanted) as made:
        yield made


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
    recorded = {one.record for one in (*recordings(set(SLIS) - {TIMELINE}), *slow_recordings())}
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


@pytest.mark.skipif(not PROGRAM, reason="there is no Chromium")
def test_an_alert_is_silenced_in_a_browser_and_told_again(
    alarmed: Alarmed, dashboard: str, tmp_path: Path
) -> None:
    name = "ReplicationLagHigh"
    with Chromium(tmp_path) as browser:
        page = browser.open(f"http://{dashboard}/silences/{name}", width=390)
        for field, text in (("why", "a new standby"), ("who", "Grace")):
            page.value(f"document.getElementById('{field}').focus()")
            page.ask("Input.insertText", text=text)
        page.value("document.querySelector('form.silence').requestSubmit()")
        page.until("document.getElementById('sentence')?.textContent.includes('nobody is told')")
        (kept,) = _silences(alarmed)
        assert (kept["alerts"], kept["who"], kept["why"]) == ([name], "Grace", "a new standby")
        assert "by Grace" in alarmed.instance.cli("journal", "--last", "1").out
        page.go(f"http://{dashboard}/")
        assert page.value(f"!!document.querySelector('a[href=\"/silences/{name}\"]')")
        page.go(f"http://{dashboard}/silences/{name}")
        page.value("document.querySelector('td button').click()")
        page.until("document.getElementById('sentence')?.textContent.includes('people are told')")
        assert not page.complaints
    assert not _silences(alarmed)


def _silences(alarmed: Alarmed) -> list[dict[str, Any]]:
    found = alarmed.instance.cli("--json", "alert", "list").document["data"]["silences"]
    return [one for one in found if one["who"] == "Grace"]  # a deploy silences, too


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
