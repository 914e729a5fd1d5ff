"""`--host` and what `launch` takes along, as typed on a machine without any host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from instancectl.cli import main
from instancectl.core.invocation import Globals
from instancectl.errors import ConfigError, Refused
from instancectl.wiring import launching

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"ansible_runner", "boto3", "cryptography", "docker", "jinja2", "psutil", "pydantic", "yaml"}
TOML = '[instance]\ndomain = "social.example"\nlayout = "small"\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(capsys, *words: str) -> tuple[int, dict]:
    code = main.run(["--json", *words])
    return code, json.loads(capsys.readouterr().out)


class TestHost:
    @pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "a@"])
    def test_what_is_no_host_is_refused(self, capsys, here, host):
        code, said = typed(capsys, "status", f"--host={host}")
        assert code == 7
        assert said["command"] == ["status"]
        assert said["errors"][0]["message"].startswith(f"cannot use `{host}` as a host")

    def test_one_command_runs_on_one_host(self, capsys, here):
        code, said = typed(capsys, "status", "--host", "a@b", "--host", "c@d")
        assert code == 7
        assert "on a@b and c@d at once" in said["errors"][0]["message"]

    def test_local_is_this_machine(self, capsys, here):
        code, said = typed(capsys, "status", "--host", "local")
        assert code == 3
        assert "there is no instance file" in said["errors"][0]["message"]

    def test_help_is_the_same_everywhere(self, capsys, here):
        assert main.run(["status", "--help", "--host", "a@b"]) == 0
        assert "instancectl status" in capsys.readouterr().out

    def test_a_manager_that_is_no_address_is_told(self, capsys, here):
        (here / "instance.toml").write_text(f'{TOML}[hosts]\nmanager = "-x"\n')
        code, said = typed(capsys, "status")
        assert code == 7
        assert "cannot use `-x` as a host" in said["errors"][0]["message"]
        code, said = typed(capsys, "config", "check", "--host", "local")
        assert code == 3
        assert "hosts.manager" in said["errors"][0]["message"]

    def test_relaying_loads_nothing_that_only_the_host_needs(self, here):
        program = (
            "import sys; from instancectl.cli import main\n"
            "code = main.run(['--host', 'nobody@127.0.0.1:1', 'status', '--json'])\n"
            "print(code, *sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        code, *loaded = done.stderr.split()
        assert code == "6"
        assert not HEAVY & set(loaded)


class TestLaunch:
    def test_a_local_instance_is_for_this_machine(self, capsys, here):
        code, said = typed(capsys, "launch", "--local", "--host", "a@b")
        assert code == 2
        assert "for this machine, not for `a@b`" in said["errors"][0]["message"]

    def test_a_typo_is_told_before_a_host_is_touched(self, capsys, here):
        code, said = typed(capsys, "launch", "--host", "a@b", "--domian", "social.example")
        assert code == 2
        assert "--domian" in said["errors"][0]["message"]

    def test_without_an_instance_file_nothing_is_taken_along(self, here):
        assert launching.luggage(Globals(), "social.example").files == {}

    def test_the_instance_file_goes_with_secrets_and_what_it_names(self, here):
        tls = '[tls]\nmode = "files"\ncertificate = "chain.pem"\nkey = "/etc/ssl/key.pem"\n'
        (here / "instance.toml").write_text(TOML + tls)
        (here / "chain.pem").write_text("PEM")
        (here / "secrets.env").write_text("DB_PASS='x'\n")
        (here / "secrets.env").chmod(0o600)
        found = launching.luggage(Globals(), "")
        assert found.domain == "social.example"
        assert set(found.files) == {"instance.toml", "secrets.env", "chain.pem"}

    def test_a_file_that_only_points_to_the_manager_stays(self, here):
        (here / "instance.toml").write_text(
            '[instance]\ndomain = "social.example"\n[hosts]\nmanager = "admin@203.0.113.7"\n'
        )
        found = launching.luggage(Globals(), "social.example")
        assert (found.domain, found.files) == ("social.example", {})

    def test_the_file_of_another_instance_stays_unless_it_was_named(self, here):
        (here / "instance.toml").write_text(TOML)
        assert launching.luggage(Globals(), "other.example").files == {}
        with pytest.raises(Refused, match=r"it is the file of `social\.example`"):
            launching.luggage(Globals(config="instance.toml"), "other.example")

    def test_secrets_that_others_may_read_go_nowhere(self, here):
        (here / "instance.toml").write_text(TOML)
        (here / "secrets.env").write_text("DB_PASS='x'\n")
        (here / "secrets.env").chmod(0o644)
        with pytest.raises(ConfigError, match="can be read by others"):
            launching.luggage(Globals(), "")

    def test_a_file_with_mistakes_goes_nowhere(self, here):
        (here / "instance.toml").write_text(TOML + "nonsense = 1\n")
        with pytest.raises(ConfigError, match="nonsense"):
            launching.luggage(Globals(), "")
