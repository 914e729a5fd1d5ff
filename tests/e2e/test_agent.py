"""The agent beside a deployed instance: whatever dies or freezes, the verdict names it, and then recovers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.host import STACK, Instance, docker, eventually, free_port

pytestmark = pytest.mark.e2e

SLICE = 15
SEEN_WITHIN = 3 * SLICE
"""A slice to begin, one to finish its second chance, one for a busy machine."""


@dataclass
class Agent:
    """A running agent, asked over its port."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read()

    def verdict(self) -> dict[str, Any]:
        return json.loads(self.get("/verdict"))

    def metrics(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        families = text_string_to_metric_families(self.get("/metrics").decode())
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def until(self, what: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any]:
        """The first verdict that `what` accepts."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.verdict()
            if found["verdicts"] and what(found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(1)


@pytest.fixture(scope="module")
def agent(instance: Instance) -> Iterator[Agent]:
    with running(instance) as made:
        yield made


@contextlib.contextmanager
def running(instance: Instance) -> Iterator[Agent]:
    port = free_port()
    process = instance.start("agent", "run", "--listen", f"127.0.0.1:{port}")
    try:
        agent = Agent(process, port)
        eventually(lambda: listens(agent), seconds=30)
        yield agent
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def listens(agent: Agent) -> bool:
    try:
        return bool(agent.verdict())
    except OSError:
        assert agent.process.poll() is None, agent.process.communicate()
        return False


@pytest.fixture
def well(agent: Agent) -> Iterator[Agent]:
    """Well before, and well again afterwards."""
    agent.until(is_well, 600)
    yield agent
    agent.until(is_well, 600)


def is_well(verdict: dict[str, Any]) -> bool:
    return not verdict["causes"] and "bad" not in verdict["verdicts"].values()


def bad(verdict: dict[str, Any]) -> set[str]:
    return {name for name, one in verdict["verdicts"].items() if one == "bad"}


def names(service: str) -> Callable[[dict[str, Any]], bool]:
    return lambda verdict: verdict["causes"] == [service]


@contextlib.contextmanager
def stopped(service: str) -> Iterator[None]:
    """Without any replica, as if it could not start."""
    scale(service, 0)
    eventually(lambda: not replicas(service), seconds=120)
    try:
        yield
    finally:
        scale(service, 1)


def scale(service: str, number: int) -> None:
    docker("service", "scale", "--detach", f"{STACK}_{service}={number}")


def replicas(service: str) -> list[str]:
    return docker("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={STACK}_{service}").split()


@contextlib.contextmanager
def frozen(service: str) -> Iterator[None]:
    """Every process of its replicas gets SIGSTOP: connections stay open, nobody answers."""
    top = [docker("top", name, "-eo", "pid") for name in replicas(service)]
    processes = [int(word) for text in top for word in text.split()[1:]]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


# service → what fails with it, and what must not be called bad
CONSEQUENCES = {
    "db": ({"federation", "streaming", "availability"}, {"queue_default", "media"}),
    "redis": ({"web", "availability"}, {"media"}),
    "web": ({"web", "login", "federation", "availability"}, {"streaming", "sidekiq", "media"}),
    "streaming": ({"streaming"}, {"web", "login", "federation", "availability", "sidekiq"}),
    "sidekiq": ({"sidekiq"}, {"web", "login", "federation", "availability", "streaming"}),
}


# CI sees one die here, and `web` where alerts are tried; the others are left to people.
@pytest.mark.parametrize(
    "service", [pytest.param(name, marks=pytest.mark.slow if name != "db" else ()) for name in CONSEQUENCES]
)
def test_a_service_that_is_gone_is_named(well: Agent, service: str) -> None:
    with stopped(service):
        must, must_not = CONSEQUENCES[service]
        found = well.until(lambda verdict: names(service)(verdict) and must <= bad(verdict), SEEN_WITHIN + 60)
        assert not must_not & bad(found), found
        exported = well.metrics()
        assert exported["instancectl_cause", (("service", service),)] == 1
        if service in {"db", "redis"}:
            assert exported[f"instancectl_{service}_up", ()] == 0


@pytest.mark.slow
@pytest.mark.parametrize("service", ["db", "redis", "web", "streaming"])
def test_a_service_that_is_frozen_is_named_and_holds_no_scrape(well: Agent, service: str) -> None:
    with frozen(service):
        started = time.monotonic()
        exported = well.metrics()
        assert time.monotonic() - started < 2.5
        if service in {"db", "redis"}:
            source = {"db": "database", "redis": "redis"}[service]
            assert exported["instancectl_collector_success", (("collector", source),)] == 0
            assert exported["instancectl_collector_success", (("collector", "containers"),)] == 1
        well.until(names(service), SEEN_WITHIN)


@pytest.mark.slow
def test_a_frozen_sidekiq_is_named_once_its_heartbeat_is_late(well: Agent) -> None:
    with frozen("sidekiq"):
        well.until(names("sidekiq"), SEEN_WITHIN + 45)


def test_uptime_adds_up_over_a_kill(instance: Instance, agent: Agent) -> None:
    before = counted(agent.metrics())
    with pytest.raises(AssertionError, match="holds the lock"):
        instance.cli("agent", "run", "--listen", f"127.0.0.1:{free_port()}")
    agent.process.kill()
    agent.process.communicate()
    time.sleep(2 * SLICE + 5)  # so that at least one whole slice goes by
    with running(instance) as again:
        first = again.until(bool, 60)["slice_at"]
        after = eventually(lambda: newer(again, before), seconds=40)
        assert after["good"] + after["bad"] >= before["good"] + before["bad"]
        assert after["unknown"] > before["unknown"]
        ledger = instance.directory / "state" / "uptime.sqlite3"
        assert elapsed(ledger, "availability") >= (first - started_at(ledger)) // SLICE


def counted(exported: dict[Any, float]) -> dict[str, float]:
    label = (("sli", "availability"),)
    measured = exported["instancectl_sli_slices_total", label]
    bad = exported["instancectl_sli_bad_slices_total", label]
    unknown = exported["instancectl_sli_unknown_slices_total", label]
    return {"good": measured - bad, "bad": bad, "unknown": unknown}


def newer(agent: Agent, before: dict[str, float]) -> dict[str, float] | None:
    found = counted(agent.metrics())
    return found if sum(found.values()) > sum(before.values()) else None


def elapsed(ledger: Path, sli: str) -> int:
    return sum_of(ledger, "select sum(good + bad + unknown) from day where sli = ?", sli)


def started_at(ledger: Path) -> int:
    return sum_of(ledger, "select min(first) from spell where sli = ?", "availability") * SLICE


def sum_of(ledger: Path, query: str, sli: str) -> int:
    import sqlite3

    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        return database.execute(query, (sli,)).fetchone()[0]
