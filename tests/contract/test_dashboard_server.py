"""The dashboard over HTTP: what it answers, to whom, and what it lets a browser do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from instancectl.adapters.web_dashboard import DashboardServer
from instancectl.core.monitoring.panels import PAGES
from instancectl.errors import OperationFailed
from tests.operations.looked_at import ROOT, LookedAt
from tests.operations.quieted import FORM, Quieted

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
    assert ask(server, "/silences/DatabaseDown", method).status == 404  # nobody there changes silences


# ---- silences


@pytest.fixture
def quieted() -> Quieted:
    return Quieted().fires("DatabaseDown")


@pytest.fixture
def changing(quieted: Quieted) -> Iterator[DashboardServer]:
    made = DashboardServer(("127.0.0.1", 0), quieted.looked.dashboard, STATIC, quieted.desk)
    made.start()
    yield made
    made.close()


def send(
    server: DashboardServer, path: str, fields: dict[str, str], **headers: str | None
) -> http.client.HTTPResponse:
    """As a browser does; a header that is None is left out."""
    sent = {
        "Host": f"127.0.0.1:{server.port}",
        "Origin": f"http://127.0.0.1:{server.port}",
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        kept = {name: value for name, value in sent.items() if value is not None}
        connection.request("POST", path, urlencode(fields), kept)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        return answer
    finally:
        connection.close()


def test_a_form_of_the_page_silences_and_leads_back_to_it(
    changing: DashboardServer, quieted: Quieted
) -> None:
    answer = send(changing, "/silences/DatabaseDown", FORM)
    assert (answer.status, answer.headers["Location"]) == (303, "/silences/DatabaseDown")
    page = ask(changing, "/silences/DatabaseDown")
    assert "nobody is told about DatabaseDown" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    (one,) = quieted.silencing("").running()
    ended = send(changing, "/silences", {"token": FORM["token"], "id": one.id})
    assert (ended.status, ended.headers["Location"]) == (303, "/silences")
    assert not quieted.silencing("").running()


FORGED = {
    "a page of another site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    "another site, by an old browser": {"Origin": "https://evil.example", "Sec_Fetch_Site": None},
    "another program on loopback": {"Origin": "http://127.0.0.1:1"},
    "a name that leads here": {"Host": "evil.example", "Origin": "http://evil.example"},
    "loopback under another name": {"Origin": "http://localhost:9390"},
    "a sandboxed frame": {"Origin": "null"},
    "nobody": {"Origin": None},
    "a page of the same site": {"Sec_Fetch_Site": "same-site"},
    "an address that was typed": {"Sec_Fetch_Site": "none"},
    "a plain request across origins": {"Content_Type": "text/plain"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("path", ["/silences/DatabaseDown", "/silences"])
def test_what_comes_from_elsewhere_changes_nothing(
    changing: DashboardServer, quieted: Quieted, path: str, headers: dict[str, str | None]
) -> None:
    quieted.silencing("ada").silence("WebDown", 600, "kept")
    (one,) = quieted.silencing("").running()
    answer = send(changing, path, {**FORM, "id": one.id}, **headers)
    assert answer.status in {403, 421}
    assert [kept.names for kept in quieted.silencing("").running()] == [("WebDown",)]
    assert FORM["token"] not in answer.text


def test_a_form_without_its_token_changes_nothing(changing: DashboardServer, quieted: Quieted) -> None:
    assert send(changing, "/silences/DatabaseDown", {**FORM, "token": "guessed"}).status == 403
    assert not quieted.silencing("").running()


def test_reading_changes_nothing(changing: DashboardServer, quieted: Quieted) -> None:
    assert ask(changing, f"/silences/DatabaseDown?{urlencode(FORM)}").status == 200
    assert not quieted.silencing("").running()
    for method in ("PUT", "DELETE", "PATCH"):
        assert ask(changing, "/silences/DatabaseDown", method).status == 405


def test_a_form_that_is_too_long_is_not_read(changing: DashboardServer, quieted: Quieted) -> None:
    assert send(changing, "/silences/DatabaseDown", {**FORM, "why": "x" * 9000}).status == 413
    assert not quieted.silencing("").running()


def test_other_sites_are_told_nothing_of_where_somebody_came_from(changing: DashboardServer) -> None:
    """`no-referrer` would make browsers say `Origin: null` of our own forms."""
    answer = ask(changing, "/silences/DatabaseDown")
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


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
