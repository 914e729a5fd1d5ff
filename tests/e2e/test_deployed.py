"""What runs that were killed again and again have left: one whole instance and nothing twice."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.host import DOMAIN, STACK, Instance, docker, lines

pytestmark = pytest.mark.e2e

SERVICES = {
    "db", "redis", "mail", "web", "streaming", "sidekiq", "sidekiq-default", "sidekiq-push",
    "sidekiq-mailers", "cache", "proxy",
}  # fmt: skip
BOUNDARIES = {
    f"{kind} step-{event}"
    for event in ("started", "done")
    for kind in (
        "fetch-image", "label-node", "create-network", "create-volume", "create-secret", "create-config",
        "ensure-service", "wait-services", "prepare-schema", "first-run-settings", "create-owner", "verify",
    )
}  # fmt: skip


MOMENTARY = {"fetch-image", "label-node", "create-network", "create-volume", "create-secret", "create-config"}
"""Over before a kill can be aimed; tests/operations kills there in memory, at every point."""

LAST = {"verify step-done"}
"""The run may have ended before the kill arrives."""


class TestAfterKills:
    def test_it_was_killed_at_every_kind_of_boundary(self, instance: Instance):
        assert set(instance.kills) <= BOUNDARIES
        aimed = {name for name in BOUNDARIES if name.partition(" ")[0] not in MOMENTARY} - LAST
        assert set(instance.kills) >= aimed
        assert len(instance.kills) >= 20

    def test_every_service_runs_once(self, instance: Instance):
        tasks = instance.tasks()
        assert set(tasks) == SERVICES
        assert {name: len(found) for name, found in tasks.items()} == dict.fromkeys(SERVICES, 1)

    def test_nothing_is_there_twice(self, instance: Instance):
        found = instance.objects()
        assert found["network"] == [f"{STACK}_backend", f"{STACK}_edge"]
        volumes = {"db", "redis", "media", "proxy-data", "proxy-config", "cache"}
        assert set(found["volume"]) == {f"{STACK}_{name}" for name in volumes}
        for kind, purposes in (("secret", 4), ("config", 3)):
            named = [name.rpartition("-")[0] for name in found[kind]]
            assert len(set(named)) == len(named) == purposes

    def test_no_job_is_left_behind(self, instance: Instance):
        assert not lines("ps", "-aq", "--filter", f"label=instancectl.stack={STACK}")
        assert not [name for name in instance.objects()["container"] if "_job_" in name]

    def test_there_is_one_owner(self, instance: Instance):
        query = (
            "SELECT a.username, u.email, r.name FROM users u JOIN accounts a ON a.id = u.account_id "
            "JOIN user_roles r ON r.id = u.role_id WHERE r.name = 'Owner'"
        )
        assert instance.sql(query).splitlines() == [f"admin|admin@{DOMAIN}|Owner"]

    def test_the_schema_is_that_of_the_image(self, instance: Instance):
        in_image = docker("run", "--rm", instance.images["web"], "ls", "db/migrate").split()
        post = docker(
            "run", "--rm", instance.images["web"], "sh", "-c", "ls db/post_migrate 2>/dev/null || true"
        )
        versions = {name.partition("_")[0] for name in (*in_image, *post.split())}
        applied = instance.sql("SELECT version FROM schema_migrations").split()
        assert Counter(applied) == Counter(versions)

    def test_first_run_settings_were_made(self, instance: Instance):
        found = instance.cli("tootctl", "settings", "registrations", "--help")
        assert found.code == 0
        mode = instance.sql("SELECT value FROM settings WHERE var = 'registrations_mode'")
        assert "open" in mode

    def test_the_journal_tells_it_all(self, instance: Instance):
        events = Counter(entry["event"] for entry in instance.journal())
        assert events["deploy-done"] >= 1
        assert events["step-started"] > events["step-done"]
        told = instance.cli("journal", "--last", "0").out
        assert "create the owner account @admin" in told


class TestSecrets:
    def test_no_secret_is_shown_or_kept_in_the_open(self, instance: Instance):
        secrets = {name: value for name, value in instance.secret_values().items() if len(value) >= 16}
        assert len(secrets) >= 6
        state = instance.directory / "state"
        texts = [path.read_text(errors="replace") for path in state.rglob("*") if path.is_file()]
        texts += [(instance.directory / "instance.toml").read_text()]
        texts += [instance.cli("--json", "plan").out, instance.cli("--json", "journal", "-n", "0").out]
        texts += [docker("service", "inspect", f"{STACK}_{name}") for name in SERVICES]
        texts += [docker("inspect", name) for name in lines("ps", "-q", "--filter", f"name={STACK}_")]
        for name in ("web", "sidekiq", "streaming", "redis"):
            for process in docker("top", instance.container(name), "-eo", "pid").split()[1:]:
                texts += [Path(f"/proc/{process}/{file}").read_text() for file in ("environ", "cmdline")]
        everything = "\n".join(texts)
        shown = [name for name, value in secrets.items() if value in everything]
        assert not shown

    def test_the_owners_password_is_kept_nowhere(self, instance: Instance):
        for path in instance.directory.rglob("*"):
            if path.is_file():
                assert instance.password not in path.read_text(errors="replace"), path

    def test_only_their_owner_can_read_secrets_and_state(self, instance: Instance):
        assert (instance.directory / "secrets.env").stat().st_mode & 0o077 == 0
        assert (instance.directory / "state").stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("unchanged")
class TestAgain:
    def test_a_second_deploy_changes_nothing(self, instance: Instance):
        document = instance.cli("--json", "deploy").document
        assert document["status"] == "unchanged"
        assert document["exit_code"] == 0

    def test_the_plan_is_empty(self, instance: Instance):
        assert instance.cli("plan", "--exit-code").code == 0
        assert instance.cli("--json", "plan").document["data"] == {"steps": []}

    def test_by_hand_the_stack_file_restarts_nothing(self, instance: Instance):
        words = ["docker", "stack", "deploy", "--resolve-image", "never", "--prune", "-c", "stack.yml", STACK]
        subprocess.run(words, cwd=instance.directory / "state", check=True, capture_output=True)
        assert instance.cli("plan", "--exit-code").code == 0

    def test_only_the_proxy_is_reachable_from_outside(self, instance: Instance):
        published = {
            name: docker("port", name)
            for name in lines("ps", "--filter", f"name={STACK}_", "--format", "{{.Names}}")
        }
        reachable = {name.split(".")[0] for name, ports in published.items() if ports}
        assert reachable == {f"{STACK}_proxy"}

    def test_check_and_status_are_well(self, instance: Instance):
        status = instance.cli("--json", "status").document
        assert status["data"]["verdict"] == "well", json.dumps(status["data"], indent=1)
