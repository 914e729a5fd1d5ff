"""`status-page` as a person types it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger
from instancectl.adapters.system_clock import SystemClock
from instancectl.cli import main
from instancectl.core.monitoring.sli import SLIS, Verdict, slice_of


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    text = '[instance]\ndomain = "social.example"\n[mail]\nserver = "mail.example"\n'
    (tmp_path / "instance.toml").write_text(text)
    with closing(SqliteLedger(tmp_path / "state" / "uptime.sqlite3")) as ledger:
        number = slice_of(SystemClock().epoch_seconds())
        ledger.record(number, dict.fromkeys(SLIS, Verdict.GOOD), "")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main.run(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_it_is_written_said_something_on_and_shown(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ("--config", str(directory))
    code, out, _ = run(
        capsys, *config, "status-page", "announce", "A faster disk.", "--starts", "3h", "--lasts", "30min"
    )
    assert code == 0
    assert out.startswith("announced: ")
    code, out, _ = run(capsys, *config, "status-page", "write", str(directory / "www"))
    assert code == 0
    assert out == f"written to `{directory / 'www'}`: Everything works\n"
    assert "A faster disk." in (directory / "www" / "index.html").read_text()
    assert (directory / "www" / "status.js").read_text().startswith("//")
    code, out, _ = run(capsys, *config, "status-page", "show", "--json")
    name = json.loads(out)["data"]["planned"][0]["id"]
    assert run(capsys, *config, "status-page", "withdraw", name)[0] == 0
    assert "A faster disk." not in run(capsys, *config, "status-page", "show")[1]


def test_a_time_that_is_none_is_named(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--config", str(directory), "status-page", "announce", "X.", "--lasts", "soon")
    assert code == 3
    assert "`soon` is no length of time" in err


def test_a_bucket_without_keys_says_where_they_belong(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (directory / "instance.toml").open("a") as file:
        file.write('[status_page]\nbucket = "status"\n')
    code, _, err = run(capsys, "--config", str(directory), "status-page", "write")
    assert code == 3
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in err
    assert "status-page.env" in err
