"""The dashboard over HTTP: what it answers, to whom, and what it lets a browser do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.web_dashboard import DashboardServer
from instancectl.core.monitoring.panels import PAGES
from instancectl.errors import OperationFailed
from tests.operations.looked_at import ROOT, LookedAt

STATIC = ROOT / "monitoring" / "dashboard"


@pytest.fixture
def world() -> LookedAt:
    return LookedAt().look()


@pytest.fixture
def server(world: LookedAt) -> Iterator[DashboardServer]:
    made = DashboardServer(("127.0.0.1", 0), world.dashboard, STATIC)
    made.start()
    yield made
    made.close()


def ask(server: DashboardServer, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        answer.text = answer.read().decode(errors="replace")
        return answer
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/", *(f"/{one.slug}" for one in PAGES)])
def test_every_page_answers_with_a_policy_that_allows_nothing_foreign(
    server: DashboardServer, path: str
) -> None:
    answer = ask(server, path)
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:9390", "localhost", "LOCALHOST:80", "[::1]:9390"])
def test_names_of_loopback_are_answered(server: DashboardServer, host: str) -> None:
    assert ask(server, "/overview.json", Host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9390", "127.0.0.1.evil.example", ""])
def test_another_name_that_leads_here_is_refused(server: DashboardServer, host: str) -> None:
    answer = ask(server, "/overview.json", Host=host)
    assert answer.status == 421
    assert "social.example" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(server: DashboardServer, method: str) -> None:
    assert ask(server, "/", method).status == 405


NOWHERE = (
    "/nothing", "/static/nothing.js", "/static/..%2Fserver.py", "/static/", "/runbooks/nothing",
    "/runbooks/..%2F..%2FREADME", "/series/nothing",
)  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE)
def test_what_is_not_there_is_404(server: DashboardServer, path: str) -> None:
    assert ask(server, path).status == 404


def test_static_files_are_asked_for_once(server: DashboardServer) -> None:
    first = ask(server, "/static/uplot.js")
    assert first.headers["Content-Type"].startswith("text/javascript")
    again = ask(server, "/static/uplot.js", If_None_Match=first.headers["ETag"])
    assert (again.status, again.text) == (304, "")


def test_the_licence_of_what_is_shipped_is_shipped(server: DashboardServer) -> None:
    assert "MIT License" in ask(server, "/static/uplot.LICENSE.txt").text


def test_the_overview_holds_the_readings(server: DashboardServer, world: LookedAt) -> None:
    found = json.loads(ask(server, "/overview.json").text)
    assert found["domain"] == "social.example"
    assert [one["slug"] for one in found["sections"]] == [one.slug for one in PAGES]


def test_lines_of_a_chart(server: DashboardServer) -> None:
    found = json.loads(ask(server, "/series/connections?window=1h").text)
    assert len(found["times"]) == len(found["lines"][0]["values"]) == 240
    assert json.loads(ask(server, "/series/connections").text)["step"] == 120


def test_a_ledger_that_cannot_be_read_is_said(server: DashboardServer, world: LookedAt) -> None:
    world.world.ledger.broken = True
    answer = ask(server, "/")
    assert answer.status == 503
    assert "disk full" in answer.text


def test_a_taken_address_is_named() -> None:
    with_one = LookedAt().dashboard
    first = DashboardServer(("127.0.0.1", 0), with_one, STATIC)
    try:
        with pytest.raises(OperationFailed, match="cannot serve the dashboard on") as caught:
            DashboardServer(("127.0.0.1", first.port), with_one, STATIC)
        assert "instancectl config set dashboard.listen" in caught.value.hint
    finally:
        first.close()


def test_an_incomplete_installation_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="cannot read"):
        DashboardServer(("127.0.0.1", 0), LookedAt().dashboard, tmp_path / "nothing")
