"""A second vantage at a live instance: it tells well from frozen, and says what it measured."""

from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path

import pytest

from instancectl.core.monitoring import vantage
from tests.e2e.browser import Browser
from tests.e2e.host import DOMAIN, Instance, eventually, free_port
from tests.e2e.test_agent import frozen

pytestmark = pytest.mark.e2e


@pytest.fixture
def words(instance: Instance, browser: Browser, tmp_path: Path) -> tuple[str, ...]:
    """What one types: the name leads nowhere outside of these tests, its authority is the proxy's own."""
    roots = tmp_path / "roots.pem"
    roots.write_text(browser.authority)
    site = f"{DOMAIN}:{instance.ports[1]}"
    return ("probe", site, "--address", "127.0.0.1", "--roots", str(roots), "--control", "none")


@pytest.mark.usefixtures("unchanged")
def test_it_is_well_until_web_answers_nobody(instance: Instance, words: tuple[str, ...]) -> None:
    well = instance.cli("--json", *words).document["data"]
    assert set(well["verdicts"].values()) == {"good"}
    with frozen("web"):
        ill = instance.cli("--json", *words, expect=4).document["data"]["verdicts"]
    assert {name for name, verdict in ill.items() if verdict == "bad"} == {
        "availability", "web", "login", "federation"
    }  # fmt: skip
    eventually(lambda: instance.cli(*words, expect=None).code == 0, seconds=60)


def test_a_certificate_that_nobody_trusts_is_no_answer(instance: Instance, words: tuple[str, ...]) -> None:
    unknown_authority = [word for word in words if word != "--roots" and not word.endswith(".pem")]
    told = instance.cli("--json", *unknown_authority, expect=4).document["data"]
    assert {one["failure"] for one in told["answers"]} == {"tls"}


def test_it_stays_and_tells_what_it_measured(
    instance: Instance, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    port = free_port()
    process = instance.start(*words, "--watch", "--name", "balcony", "--listen", f"127.0.0.1:{port}")
    try:
        asked = f"http://127.0.0.1:{port}/spells"

        def told() -> object:
            try:
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    document = json.loads(answer.read())
            except OSError:
                return None
            return document if document["spells"]["web"] else None

        name, connected, spells = vantage.read(eventually(told, seconds=30))
        assert (name, connected) == ("balcony", True)
        assert {one.verdict for one in spells["availability"]} == {vantage.Verdict.GOOD}
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "stopped when asked to" in out
