"""`check` as a person or a script types it, on this machine without Docker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instancectl.adapters import secret_file
from instancectl.adapters.secret_generator import SystemSecretGenerator
from instancectl.cli import main
from instancectl.core.checks.registry import SLUGS
from instancectl.core.secret_set import CATALOGUE

FILE = """\
[instance]
domain = "mastodon.localhost"

[owner]
email = "admin@mastodon.localhost"

[mail]
mode = "catch"

[tls]
mode = "internal"

[proxy]
http_port = 47080
https_port = 47443
"""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A complete instance file with its secrets; no Docker Engine."""
    (tmp_path / "instance.toml").write_text(FILE)
    store = secret_file.SecretFile(tmp_path / "secrets.env")
    store.add(SystemSecretGenerator().generate(kind.name for kind in CATALOGUE if kind.generated))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main.run(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_without_docker_the_rest_is_still_judged(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", "--config", str(instance))
    assert code == 4
    assert err == ""
    assert out.startswith("mastodon.localhost: fail: docker: cannot reach the Docker Engine")
    assert "hint: is Docker running?" in out
    assert "\n  secrets " in out[out.index("\nok\n") :]


def test_the_json_document_is_one_and_complete(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "--json", "--config", str(instance))
    document = json.loads(out)
    assert code == document["exit_code"] == 4
    assert document["command"] == ["check"]
    assert document["status"] == "failed"
    assert set(document["data"]) == {"verdict", "headline", "findings", "skipped"}
    judged = [one["check"] for part in ("findings", "skipped") for one in document["data"][part]]
    assert sorted(judged) == sorted(SLUGS)
    assert document["data"]["verdict"] == "fail"


def test_one_check_alone(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "check", "--only", "secrets", "--only", "identity", "--json", "--config", str(instance)
    )
    document = json.loads(out)
    assert code == 0
    assert document["status"] == "ok"
    assert [one["check"] for one in document["data"]["findings"]] == ["secrets", "identity"]


def test_a_missing_secret_is_named_and_no_value_shown(
    instance: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (instance / "secrets.env").read_text().splitlines()
    values = [
        line.partition("=")[2].strip("'\"") for line in lines if "=" in line and not line.startswith("#")
    ]
    kept = [line for line in lines if not line.startswith("SECRET_KEY_BASE=")]
    (instance / "secrets.env").write_text("\n".join(kept) + "\n")
    code, out, err = run(capsys, "check", "--only", "secrets", "--config", str(instance))
    assert code == 4
    assert "`SECRET_KEY_BASE` is missing" in out
    assert not [value for value in values if len(value) > 8 and value in out + err]


def test_a_missing_secrets_file_is_a_finding(instance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (instance / "secrets.env").unlink()
    code, out, _ = run(capsys, "check", "--only", "secrets", "--config", str(instance))
    assert code == 4
    assert "there is no `" in out


def test_a_mistyped_slug_is_a_usage_error_with_a_guess(
    instance: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "check", "--only", "dsn", "--config", str(instance))
    assert code == 2
    assert out == ""
    assert "did you mean `dns`?" in " ".join(err.split())


@pytest.mark.parametrize("address", ["nobody", "@dev.org", "a@", "a b@dev.org", "a@dev.org\r\nBCC: x@y.org"])
def test_an_address_that_is_none_is_a_usage_error(
    instance: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    code, _, err = run(capsys, "check", "--send-test-mail", address, "--config", str(instance))
    assert code == 2
    assert "is no mail address" in " ".join(err.split())


def test_a_wrong_instance_file_is_a_config_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "instance.toml").write_text('[instance]\ndomian = "social.dev.org"\n')
    code, _, err = run(capsys, "check", "--config", str(tmp_path))
    assert code == 3
    assert "did you mean" in err
