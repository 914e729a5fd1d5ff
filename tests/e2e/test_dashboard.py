"""What people look at, beside a deployed instance: dashboard, `top`, status page; and runbooks that run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from instancectl.core.monitoring.panels import PAGES
from instancectl.core.monitoring.runbook import filled
from tests.contract.chromium import PROGRAM, Chromium
from tests.docs.runbooks import RUNBOOKS, commands
from tests.e2e.host import DOMAIN, ROOT, STACK, Instance, eventually, free_port

pytestmark = pytest.mark.e2e

STEADY = (
    "instancectl_db_max_connections", "instancectl_service_replicas_wanted", "instancectl_users",
    "instancectl_sidekiq_queue_threads", "instancectl_sidekiq_queue_latency_objective_seconds",
    "instancectl_container_memory_limit_bytes",
)  # fmt: skip
"""What does not move between two readings."""

WELL = {0, 4}
"""A command that diagnoses answers; 4 says that something is not well."""


@dataclass
class Watched:
    """A running agent and the addresses of what it serves."""

    process: subprocess.Popen[str]
    metrics_port: int
    dashboard_port: int

    def overview(self) -> dict[str, Any]:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.dashboard_port}/overview.json", timeout=10
        ) as answer:
            return json.loads(answer.read())

    def metrics(self) -> dict[tuple[str, tuple[str, ...]], float]:
        return {
            (sample.name, tuple(sorted(sample.labels.values()))): sample.value
            for family in text_string_to_metric_families(read(self.metrics_port, "/metrics"))
            for sample in family.samples
        }


def read(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


@pytest.fixture(scope="module")
def watched(instance: Instance) -> Iterator[Watched]:
    file = instance.directory / "instance.toml"
    before = file.read_text()
    dashboard, metrics = free_port(), free_port()
    file.write_text(with_dashboard(before, dashboard))
    process = instance.start("agent", "run", "--listen", f"127.0.0.1:{metrics}")
    try:
        made = Watched(process, metrics, dashboard)
        eventually(lambda: was_read(made), seconds=120)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        file.write_text(before)


def with_dashboard(text: str, port: int) -> str:
    before, heading, after = text.partition("\n[dashboard]\n")
    assert heading, "the file has no such section"
    return f'{before}{heading}listen = "127.0.0.1:{port}"\n{after}'


def was_read(watched: Watched) -> bool:
    assert watched.process.poll() is None, watched.process.communicate()
    with contextlib.suppress(OSError):
        found = watched.overview()
        return bool(found["read_at"]) and found["sections"][0]["state"] == "good"
    return False


def cells(overview: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for section in overview["sections"]:
        yield from section["figures"]
        for table in section["tables"]:
            for row in table["rows"]:
                yield from row


def test_what_is_shown_is_what_is_exported(watched: Watched) -> None:
    exported, overview = watched.metrics(), watched.overview()
    compared = set()
    for cell in cells(overview):
        if cell.get("metric") in STEADY and cell["value"] is not None:
            assert exported[cell["metric"], tuple(sorted(cell["labels"]))] == cell["value"], cell
            compared.add(cell["metric"])
    assert compared >= set(STEADY) - {"instancectl_db_max_connections"}


def test_every_page_has_something_to_say(watched: Watched) -> None:
    sections = {one["slug"]: one for one in watched.overview()["sections"]}
    assert sections["now"]["sentence"] == "all is well"
    assert sections["data"]["sentence"] == "databases and disk are well"
    assert [row[0]["text"] for row in sections["queues"]["tables"][0]["rows"]][:2] == ["default", "push"]
    assert {one.slug for one in PAGES} == set(sections)


def test_top_shows_the_same(instance: Instance, watched: Watched) -> None:
    assert instance.cli("dashboard").out.startswith(f"http://127.0.0.1:{watched.dashboard_port}/\n{DOMAIN}: ")
    out = instance.cli("top", "--once").out
    assert out.startswith(f"{DOMAIN.upper()}  ok  all is well")
    assert "mailers" in out


def test_the_status_page_says_what_the_ledger_knows(
    instance: Instance, watched: Watched, tmp_path: Path
) -> None:
    done = instance.cli("status-page", "write", str(tmp_path / "www"))
    found = json.loads((tmp_path / "www" / "status.json").read_text())
    assert found["sentence"] in done.out
    assert found["sentence"] == "Everything works"
    told = instance.cli("uptime", "--json").document["data"]["window"]["web"]["uptime"]
    assert abs(found["surfaces"]["web"]["month"]["uptime"] - told) < 0.05  # a slice may have come between


@pytest.mark.skipif(not PROGRAM, reason="there is no Chromium")
def test_a_browser_has_nothing_to_complain_about(watched: Watched, tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{watched.dashboard_port}"
    exported = watched.metrics()
    with Chromium(tmp_path) as browser:
        for one in PAGES:
            page = browser.open(f"{base}/{one.slug}", width=390)
            if one.panels:
                page.until("[...document.querySelectorAll('.plot')].every((p) => p.dataset.lines || "
                           "p.parentElement.querySelector('.nothing').textContent)")  # fmt: skip
            page.picture(tmp_path / f"{one.slug}.png")
            assert not page.complaints, (one.slug, page.complaints)
            assert all(url.startswith(base) for url in page.requests)
            assert page.value("document.documentElement.scrollWidth <= innerWidth"), one.slug
        page = browser.open(f"{base}/data")
        shown = page.value("document.querySelector('[data-metric=instancectl_db_connections]').dataset.value")
        assert abs(float(shown) - exported["instancectl_db_connections", ()]) <= 20


# ---- runbooks


@pytest.fixture(scope="module")
def shell(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `instancectl` is this checkout's, with this instance."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "instancectl"
    words = f'cd {ROOT} && exec {sys.executable} -m instancectl --config {instance.directory} "$@"'
    program.write_text(f"#!/bin/sh\n{words}\n")
    program.chmod(0o755)
    return {**instance.environment(), "PATH": f"{folder}:{os.environ['PATH']}"}


DIAGNOSES = sorted({command for path in RUNBOOKS for command in commands(path, "Diagnose")})
OPTIONAL = (
    "instancectl logs prometheus", "instancectl logs alertmanager", "instancectl alert list",
    "instancectl logs wal", "instancectl backup list",
)  # fmt: skip
"""They ask services that this instance does without."""


@pytest.mark.parametrize("command", DIAGNOSES)
def test_a_command_that_diagnoses_runs(watched: Watched, shell: dict[str, str], command: str) -> None:
    program = command.partition(" ")[0]
    if program in {"systemctl", "journalctl"} and not Path("/run/systemd/system").exists():
        pytest.skip("no systemd here; the unit's name is looked at elsewhere")
    if command.startswith(OPTIONAL):
        pytest.skip("neither Prometheus nor backups here")
    assert shutil.which(program, path=shell["PATH"]), f"there is no `{program}`"
    done = subprocess.run(
        ["bash", "-c", filled(command, STACK)],
        env=shell,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (WELL if program == "instancectl" else {0}), (command, done.stdout, done.stderr)


HELPED = sorted({
    tuple(word for word in command.split() if not word.startswith("STACK"))
    for path in RUNBOOKS
    for command in commands(path, "Mitigate")
    if command.startswith("docker ") and "$(" not in command
})  # fmt: skip


@pytest.mark.parametrize("words", HELPED, ids=" ".join)
def test_what_docker_is_told_to_do_it_can_do(words: tuple[str, ...]) -> None:
    plain = [word for word in words[1:] if not word.startswith("-")]
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    done = subprocess.run(
        ["docker", *plain, "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(option in done.stdout for option in options), done.stdout
