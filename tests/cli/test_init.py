"""`init` and `config` as a person or a script types them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from instancectl.cli import main
from tests.cli.terminal import SECRET, typed


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in, and no terminal."""
    monkeypatch.chdir(tmp_path)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield tmp_path


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]):
    """Type a command; in this process, because starting one a hundred times takes minutes."""

    def typed_in(*words: str) -> Ran:
        capsys.readouterr()
        code = main.run(words)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return typed_in


def document(ran: Ran) -> dict:
    return json.loads(ran.stdout)


def test_a_local_instance_needs_no_answers(run, here: Path) -> None:
    first = run("init", "--local")
    assert (first.returncode, first.stderr) == (0, "")
    assert "next:" in first.stdout
    written = {path.name: path.read_bytes() for path in here.iterdir()}
    assert set(written) == {"instance.toml", "secrets.env"}
    again = run("init", "--local", "--json")
    assert (again.returncode, document(again)["status"]) == (0, "unchanged")
    assert {path.name: path.read_bytes() for path in here.iterdir()} == written


def test_flags_and_settings_reach_the_file(run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCECTL_SMTP_PASSWORD", SECRET)
    ran = run(
        "init", "--domain", "social.example.org", "--web-domain", "www.social.example.org",
        "--owner", "ada", "--email", "ada@example.org", "--layout", "tiny", "--release", "4.5.13",
        "--smtp-server", "mx.example.org", "--smtp-port", "465", "--smtp-login", "me",
        "--set", "proxy.http_port=8080", "--set", "images.db=pg:17",
        "--json",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    settings = document(ran)["data"]["settings"]
    expected = {
        "instance.domain": "social.example.org", "instance.web_domain": "www.social.example.org",
        "owner.username": "ada", "owner.email": "ada@example.org", "mail.server": "mx.example.org",
        "mail.port": 465, "mail.tls": True, "mail.starttls": "never", "mail.login": "me", "mail.mode": "smtp",
        "instance.layout": "tiny", "instance.release": "4.5.13",
        "proxy.http_port": 8080, "images.db": "pg:17",
    }  # fmt: skip
    assert settings == expected
    assert document(ran)["data"]["secrets"]["given"] == ["SMTP_PASSWORD"]
    assert f"SMTP_PASSWORD={SECRET}" in (here / "secrets.env").read_text()
    assert SECRET not in ran.stdout + ran.stderr + (here / "instance.toml").read_text()
    checked = run("config", "check", "--json")
    assert checked.returncode == 0, checked.stdout


def test_the_mail_password_may_come_from_a_file(run, here: Path) -> None:
    (here / "password").write_text(SECRET + "\n")
    words = (
        "--domain",
        "a.example.org",
        "--email",
        "",
        "--smtp-server",
        "mx.example.org",
        "--smtp-login",
        "me",
    )
    ran = run("init", *words, "--smtp-password-file", "password")
    assert ran.returncode == 0, ran.stderr
    assert f"SMTP_PASSWORD={SECRET}" in (here / "secrets.env").read_text()


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ((), "--domain"),
        (("--domain", "a.example.org"), "--email"),
        (("--domain", "a.example.org", "--email", "me@example.org"), "--smtp-server"),
        (
            (
                "--domain",
                "a.example.org",
                "--email",
                "",
                "--smtp-server",
                "mx.example.org",
                "--smtp-login",
                "me",
            ),
            "--smtp-password-file",
        ),
    ],
)
def test_what_is_missing_without_a_terminal_is_named_and_never_waited_for(
    run, here: Path, words, option: str
) -> None:
    ran = run("init", *words)
    assert ran.returncode == 2
    assert option in ran.stderr
    assert not list(here.iterdir())


def test_nothing_is_written_when_only_asked_what_would_be(run, here: Path) -> None:
    ran = run("init", "--local", "--dry-run", "--json")
    assert (ran.returncode, document(ran)["status"]) == (0, "planned")
    assert not list(here.iterdir())


def test_another_directory_is_named_in_the_next_commands(run, here: Path) -> None:
    ran = run("init", "--local", "--directory", "social", "--json")
    assert document(ran)["data"]["next"][0] == "instancectl --config social check"
    assert (here / "social" / "instance.toml").is_file()
    assert run("--config", "social", "config", "check").returncode == 0


def test_another_domain_in_the_same_directory_is_refused(run, here: Path) -> None:
    run("init", "--local")
    ran = run("init", "--domain", "other.example.org", "--json")
    assert ran.returncode == 7
    assert document(ran)["errors"][0]["code"] == "refused"


def test_an_unknown_setting_is_refused_with_a_suggestion(run, here: Path) -> None:
    ran = run("init", "--local", "--set", "proxy.http_prot=1")
    assert ran.returncode == 3
    assert "did you mean `proxy.http_port`?" in ran.stderr
    assert not list(here.iterdir())


def test_an_existing_server_is_adopted(run, here: Path) -> None:
    donor = here / "donor"
    run("init", "--local", "--directory", str(donor))
    old = here / "old.env"
    old.write_text((donor / "secrets.env").read_text() + "LOCAL_DOMAIN=old.example.org\nDB_HOST=localhost\n")
    ran = run("init", "--from-env", str(old), "--directory", "new", "--json")
    assert ran.returncode == 0, ran.stderr
    data = document(ran)["data"]
    assert data["domain"] == "old.example.org"
    assert data["secrets"]["generated"] == ["DB_PASS", "REDIS_PASSWORD"]
    keys = [
        line for line in (donor / "secrets.env").read_text().splitlines() if line.startswith("ACTIVE_RECORD")
    ]
    assert all(line in (here / "new" / "secrets.env").read_text() for line in keys)


def test_an_existing_server_without_its_keys_is_not(run, here: Path) -> None:
    (here / "old.env").write_text("LOCAL_DOMAIN=old.example.org\n")
    ran = run("init", "--from-env", "old.env", "--json")
    assert ran.returncode == 3
    assert "SECRET_KEY_BASE" in document(ran)["errors"][0]["message"]
    assert not (here / "instance.toml").exists()


def test_a_mistyped_key_is_named_with_its_line(run, here: Path) -> None:
    run("init", "--local")
    path = here / "instance.toml"
    path.write_text(path.read_text().replace("[proxy]", "[proxy]\nhtpp_port = 80"))
    ran = run("config", "check", "--json")
    error = document(ran)["errors"][0]
    assert ran.returncode == 3
    assert "unknown key `proxy.htpp_port`; did you mean `proxy.http_port`?" in error["message"]
    assert error["subject"] == "proxy.htpp_port"


def test_a_readable_secrets_file_is_refused_with_the_command_to_type(run, here: Path) -> None:
    run("init", "--local")
    (here / "secrets.env").chmod(0o644)
    ran = run("config", "check")
    assert ran.returncode == 3
    assert f"chmod 600 {here}/secrets.env" in ran.stderr


def test_a_lost_secret_is_named(run, here: Path) -> None:
    run("init", "--local")
    path = here / "secrets.env"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("REDIS_PASSWORD")]
    path.write_text("\n".join(lines))
    ran = run("config", "check", "--json")
    assert ran.returncode == 3
    findings = {finding["check"]: finding for finding in document(ran)["data"]["findings"]}
    assert findings["secret-REDIS_PASSWORD"]["severity"] == "fail"


@pytest.mark.parametrize(
    "words", [("show",), ("check",), ("explain",), ("explain", "mail.port"), ("schema",)]
)
def test_every_config_command_answers_people_and_scripts(run, here: Path, words: tuple[str, ...]) -> None:
    run("init", "--local")
    person, script = run("config", *words), run("config", *words, "--json")
    assert (person.returncode, script.returncode) == (0, 0)
    assert person.stdout.strip()
    assert document(script)["command"] == ["config", words[0]]


def test_no_instance_file_says_where_it_looked(run, here: Path) -> None:
    ran = run("config", "show")
    assert ran.returncode == 3
    assert str(here / "instance.toml") in ran.stderr
    assert "instancectl init" in ran.stderr
    assert run("config", "explain", "mail.port").returncode == 0


def test_the_wizard_asks_again_until_an_answer_is_good(here: Path) -> None:
    code, seen = typed(
        here,
        [
            ("Domain", "https://nonsense"),
            ("Domain", "social.example.org"),
            ("account name", "ada"),
            ("mail address", "ada@example.org"),
            ("Mail (smtp/catch/none)", "smtp"),
            ("Mail server", "8"),
            ("Password", SECRET),
            ("Certificate", ""),
            ("Media", ""),
        ],
        "init",
    )
    assert code == 0, seen
    assert "must be a host name" in seen
    assert SECRET not in seen
    text = (here / "instance.toml").read_text()
    assert 'server = "smtp.sendgrid.net"' in text
    assert 'login = "apikey"' in text
    assert f"SMTP_PASSWORD={SECRET}" in (here / "secrets.env").read_text()


def test_the_wizard_asks_only_what_was_not_given(here: Path) -> None:
    words = (
        "--domain",
        "social.example.org",
        "--email",
        "a@example.org",
        "--owner",
        "ada",
        "--mail",
        "catch",
    )
    code, seen = typed(here, [("Certificate", "internal"), ("Media", "local")], "init", *words)
    assert code == 0, seen
    assert "Domain" not in seen.partition("Certificate")[0]
