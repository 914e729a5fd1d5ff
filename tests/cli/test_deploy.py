"""`plan`, `deploy`, `maintenance` and `destroy` as typed, on a host in memory."""

from __future__ import annotations

import json

import pytest

from instancectl import wiring
from instancectl.cli import main
from instancectl.wiring import InstancePaths, OpenInstance
from tests.fakes import instance
from tests.fakes.site import STACK, Site

DOMAIN = "social.example"


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def run(capsys, monkeypatch, site, tmp_path):
    """Run a command on the host in memory; exit code, stdout, stderr."""
    opened = OpenInstance(InstancePaths(tmp_path / "instance.toml"), instance.config())
    monkeypatch.setattr(wiring, "deployment", lambda *_: site.deployment())
    monkeypatch.setattr(wiring, "destruction", lambda _: (opened, site.removal()))
    monkeypatch.setattr(wiring, "open_instance", lambda _: opened)
    monkeypatch.setattr(wiring, "journal", lambda *_: site.journal)

    def ran(*argv: str) -> tuple[int, str, str]:
        code = main.run(argv)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ran


def document(out: str) -> dict:
    found = json.loads(out)
    assert list(found) == ["schema", "command", "status", "exit_code", "data", "notes", "errors"]
    return found


class TestPlan:
    def test_people_read_numbered_steps(self, run):
        code, out, err = run("plan")
        lines = out.splitlines()
        assert (code, err) == (0, "")
        assert lines[0].startswith(f"{DOMAIN}: ")
        assert lines[2].startswith("   1. make this host a Swarm")
        assert lines[-1] == "nothing was changed; `instancectl deploy` takes these steps"

    def test_scripts_read_the_same_steps(self, run):
        code, out, _ = run("plan", "--json", "--exit-code")
        found = document(out)
        assert code == found["exit_code"] == 9
        assert found["status"] == "planned"
        assert set(found["data"]["steps"][0]) == {"step", "summary"}

    def test_dry_run_of_deploy_is_the_plan(self, run, site):
        assert run("deploy", "--dry-run") == run("plan")
        assert not site.swarm.did

    def test_an_empty_plan_is_one_line(self, run, site):
        site.deployment().deploy()
        assert run("plan", "--exit-code") == (
            0,
            f"{DOMAIN} matches its configuration; nothing to do\n",
            "",
        )


class TestDeploy:
    def test_the_answer_ends_with_the_way_in(self, run, site):
        code, out, _ = run("deploy")
        assert code == 0
        assert out.startswith(f"{DOMAIN} is deployed: https://{DOMAIN}\n")
        assert f"    log in with  admin@{DOMAIN}\n" in out
        assert site.mastodon.accounts["admin"] in out
        assert not instance.leaks(out)

    def test_scripts_get_it_too(self, run, site):
        code, out, _ = run("--json", "deploy")
        found = document(out)
        assert (code, found["status"], found["command"]) == (0, "changed", ["deploy"])
        assert found["data"]["owner"]["password"] == site.mastodon.accounts["admin"]

    def test_again_it_is_unchanged(self, run, site):
        site.deployment().deploy()
        run("deploy")
        code, out, _ = run("--json", "deploy")
        assert (code, document(out)["status"]) == (0, "unchanged")

    def test_a_failure_after_steps_exits_8(self, run, site):
        site.swarm.outcomes["settings"] = [(1, "boom")]
        code, out, err = run("deploy")
        assert (code, out) == (8, "")
        assert "steps applied" in err.splitlines()[0]
        assert err.endswith("run `instancectl deploy` again to continue\n")

    def test_a_held_lock_exits_5(self, run, site):
        with site.lock.hold("backup"):
            code, out, err = run("deploy")
        assert (code, out) == (5, "")
        assert "`backup`" in err

    def test_docker_that_is_down_exits_6(self, run, site):
        site.swarm.down = True
        assert run("deploy")[0] == 6


class TestMaintenance:
    def test_on_and_off(self, run, site):
        site.deployment().deploy()
        assert run("maintenance", "on", "--message", "soon") == (
            0,
            f"{DOMAIN} shows the maintenance page; `instancectl maintenance off` ends it\n",
            "",
        )
        assert site.state.load().maintenance == "soon"
        code, out, _ = run("--json", "maintenance", "off")
        assert code == 0
        assert document(out)["command"] == ["maintenance", "off"]
        assert site.state.load().maintenance is None

    def test_without_an_instance_it_is_refused(self, run):
        assert run("maintenance", "on")[0] == 7


class TestDestroy:
    @pytest.fixture(autouse=True)
    def _deployed(self, site):
        site.deployment().deploy()

    @pytest.mark.parametrize("words", [(), ("--yes",), ("--confirm", "other.example"), ("--confirm", "")])
    def test_without_the_domain_it_is_refused(self, run, site, words):
        code, out, err = run("destroy", *words)
        assert (code, out) == (7, "")
        assert "no changes made" in err
        assert f"--confirm={DOMAIN}" in err
        assert site.swarm.observe(STACK).services

    def test_with_the_domain_it_is_done(self, run, site):
        code, out, _ = run("destroy", f"--confirm={DOMAIN}")
        assert code == 0
        assert out.startswith(f"{DOMAIN} is removed with all its data\n")
        assert site.swarm.observe(STACK).empty

    def test_a_person_may_type_the_domain(self, run, site, monkeypatch):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("typer.prompt", lambda *_, **__: DOMAIN)
        assert run("destroy")[0] == 0
        assert site.swarm.observe(STACK).empty

    @pytest.mark.parametrize("typed", ["", "social.exampl", "SOCIAL.EXAMPLE", "yes"])
    def test_anything_else_is_a_no(self, run, site, monkeypatch, typed):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("typer.prompt", lambda *_, **__: typed)
        assert run("destroy")[0] == 7
        assert site.swarm.observe(STACK).services

    def test_looking_asks_nothing(self, run, site):
        code, out, _ = run("destroy", "--dry-run")
        assert code == 0
        assert "  volume db\n" in out
        assert site.swarm.observe(STACK).services


def test_the_journal_shows_what_was_done(run, site):
    run("deploy")
    code, out, _ = run("journal", "-n", "3")
    assert code == 0
    assert len(out.splitlines()) == 3
    code, out, _ = run("--json", "journal", "--last", "0")
    assert len(document(out)["data"]["entries"]) == len(site.journal.written)
