"""`alert` as a person or a script types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instancectl.cli import main

TOML = """\
[instance]
domain = "social.example"

[monitoring]
enabled = {enabled}
alertmanager_listen = "127.0.0.1:1"

[alerts.ntfy]
url = "https://ntfy.example/topic"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An instance whose Alertmanager nobody can reach."""
    (tmp_path / "instance.toml").write_text(TOML.format(enabled="true"))
    (tmp_path / "secrets.env").write_text("DB_PASS=0123456789abcdef\n")
    (tmp_path / "secrets.env").chmod(0o600)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], directory: Path, *words: str) -> tuple[int, str, str]:
    code = main.run(("--config", str(directory), *words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_rules_of_an_instance_are_printed_whole(capsys, directory: Path) -> None:
    code, out, _ = run(capsys, directory, "alert", "rules")
    assert code == 0
    assert out.startswith("# Written by instancectl")
    assert "- alert: WebDown" in out
    assert "- alert: Watchdog" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--for", "2h"), "say why"),
        (("--why", "x"), "say for how long"),
        (("--for", "2 weeks", "--why", "x"), "`2 weeks` is no time"),
        (("--for", "0h", "--why", "x"), "`0h` is no time"),
        (("--for", "31d", "--why", "x"), "`31d` is no time"),
        (("--end", "--why", "x"), "goes neither with"),
    ],
)
def test_a_silence_needs_a_time_and_a_reason(capsys, directory: Path, options, said: str) -> None:
    code, _, err = run(capsys, directory, "alert", "silence", "WebDown", *options)
    assert code == 2
    assert said in " ".join(err.split())


def test_an_alert_that_does_not_exist_is_named(capsys, directory: Path) -> None:
    code, _, err = run(capsys, directory, "alert", "silence", "WebDwon", "--for", "2h", "--why", "x")
    assert code == 7
    assert "there is no such alert" in err
    assert "WebDown" in err


def test_who_has_no_alerts_is_told_how_to_get_them(capsys, directory: Path) -> None:
    (directory / "instance.toml").write_text(TOML.format(enabled="false"))
    code, out, _ = run(capsys, directory, "--json", "alert", "list")
    assert code != 0
    assert json.loads(out)["errors"][0]["subject"] == "monitoring.enabled"


def test_a_receiver_that_is_not_set_up_cannot_be_tested(capsys, directory: Path) -> None:
    code, _, err = run(capsys, directory, "alert", "test", "--receiver", "matrix")
    assert code != 0
    assert "`matrix` is no receiver of this instance" in err
    assert "there are ntfy" in err


@pytest.mark.slow
def test_an_alertmanager_that_does_not_answer_is_named(capsys, directory: Path) -> None:
    code, _, err = run(capsys, directory, "alert", "list")
    assert code != 0
    assert "Alertmanager does not answer" in err
