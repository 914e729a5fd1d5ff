"""`backup init` at a terminal: three answers at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancectl.cli import main
from tests.cli.terminal import SECRET, typed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance that was never deployed."""
    monkeypatch.chdir(tmp_path)
    assert main.run(("init", "--local")) == 0
    return tmp_path


def test_a_bucket_takes_one_line_and_its_key(here: Path) -> None:
    answers = [("or both: ", "https://127.0.0.1:1/nightly"), ("key id: ", "me"), ("secret key: ", SECRET)]
    code, seen = typed(here, answers, "backup", "init")
    assert code == 6, seen
    assert "127.0.0.1:1" in seen.partition("secret key")[2]
    assert SECRET not in seen
    assert '\nkind = "s3"' not in (here / "instance.toml").read_text()


def test_what_is_no_address_is_asked_again_with_the_reason(here: Path) -> None:
    answers = [("or both: ", "nightly"), ("or both: ", str(here / "sets"))]
    (here / "sets").mkdir(mode=0o700)
    code, seen = typed(here, answers, "backup", "init", "--accept-risk", "same-disk")
    assert "`nightly` does not name a bucket and its store" in seen
    assert code == 0, seen
    assert str(here / "sets") in (here / "instance.toml").read_text()
