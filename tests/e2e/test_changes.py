"""Changes: only what changed is restarted, and what cannot work is refused or taken back."""

from __future__ import annotations

import time

import pytest

from tests.e2e.browser import Browser, Load
from tests.e2e.conftest import seen
from tests.e2e.host import Instance

pytestmark = pytest.mark.e2e


@pytest.fixture
def restored(instance: Instance):
    """The usual configuration is in force again afterwards."""
    yield
    instance.configure()
    instance.cli("deploy")
    assert instance.cli("plan", "--exit-code").code == 0


def changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


@pytest.mark.usefixtures("restored")
class TestForGood:
    def test_only_what_changed_is_restarted(self, instance: Instance, browser: Browser, token: str):
        before = instance.tasks()
        instance.configure(proxy__cache_mib=256)
        planned = instance.cli("--json", "plan").document["data"]["steps"]
        kinds = ["create-config", "ensure-service", "wait-services", "verify", "remove"]
        assert [step["step"] for step in planned] == kinds
        with Load(browser, token) as load:
            document = instance.cli("--json", "deploy").document
        assert document["status"] == "changed"
        assert changed(before, instance.tasks()) == {"cache"}
        assert load.all_well, load.statuses

    def test_another_release_is_taken_without_a_failed_request(
        self, instance: Instance, browser: Browser, token: str, another_release: str
    ):
        before = instance.tasks()
        instance.images = {**instance.images, "web": another_release}
        instance.configure()
        with Load(browser, token) as load:
            document = instance.cli("--json", "deploy").document
        kinds = [step["step"] for step in document["data"]["steps"]]
        assert kinds.count("prepare-schema") == 2
        mastodon = {name for name in before if name == "web" or name.startswith("sidekiq")}
        assert changed(before, instance.tasks()) == mastodon
        assert load.all_well, load.statuses

    def test_more_replicas_leave_the_present_one_alone(self, instance: Instance):
        before = instance.tasks()["streaming"]
        instance.configure(services__streaming__replicas=2)
        instance.cli("deploy")
        after = instance.tasks()["streaming"]
        assert set(before) < set(after)
        assert len(after) == 2


@pytest.mark.usefixtures("restored")
class TestBroken:
    def test_a_release_that_never_serves_is_taken_back_and_nobody_notices(
        self, instance: Instance, browser: Browser, token: str, broken_image: str
    ):
        before = instance.tasks()
        instance.configure(images__web=broken_image)
        with Load(browser, token) as load:
            run = instance.cli("deploy", expect=8)
        assert "`web` was rolled back" in run.err
        assert "the old one kept answering" in run.err
        assert "unhealthy" in run.err
        assert "instancectl logs web" in run.err
        assert load.all_well, load.statuses
        assert load.worst_seconds < 10
        assert instance.tasks() == before
        instance.configure()
        assert instance.cli("--json", "deploy").document["status"] == "changed"
        assert instance.tasks() == before

    def test_an_image_nobody_has_is_refused_before_anything_changes(
        self, instance: Instance, browser: Browser
    ):
        before = seen(instance)
        instance.configure(images__web="nobody.invalid/mastodon:v9")
        with Load(browser) as load:
            run = instance.cli("deploy", expect=None)
            while sum(load.statuses.values()) < 25:
                time.sleep(0.2)
        assert run.code in {6, 7}
        assert "nobody.invalid/mastodon:v9" in run.err
        assert seen(instance) == before
        assert load.all_well, load.statuses

    def test_another_major_version_of_postgresql_is_refused(self, instance: Instance, old_postgres: str):
        before = seen(instance)
        instance.configure(images__db=old_postgres)
        run = instance.cli("--json", "deploy", expect=7)
        (error,) = run.document["errors"]
        assert "nothing was changed" in error["message"]
        assert "13" in error["message"]
        assert error["hint"]
        assert seen(instance) == before

    def test_another_domain_is_refused(self, instance: Instance):
        before = instance.tasks()
        text = (instance.directory / "instance.toml").read_text()
        renamed = text.replace(
            'domain = "e2e.localhost"', 'domain = "other.localhost"\nname = "e2e-localhost"', 1
        )
        (instance.directory / "instance.toml").write_text(renamed)
        run = instance.cli("deploy", expect=7)
        assert "e2e.localhost" in run.err
        assert instance.tasks() == before


@pytest.mark.usefixtures("unchanged")
class TestRefusedAtOnce:
    @pytest.fixture
    def secrets_file(self, instance: Instance):
        path = instance.directory / "secrets.env"
        text = path.read_text()
        yield path
        path.write_text(text)

    def test_a_missing_secret(self, instance: Instance, secrets_file):
        kept = [line for line in secrets_file.read_text().splitlines() if not line.startswith("DB_PASS=")]
        secrets_file.write_text("\n".join(kept) + "\n")
        run = instance.cli("deploy", expect=3)
        assert "`DB_PASS` is missing" in run.err
        assert "hint: " in run.err

    def test_a_mangled_secret(self, instance: Instance, secrets_file):
        value = instance.secret_values()["SECRET_KEY_BASE"]
        secrets_file.write_text(secrets_file.read_text().replace(value, value[:20]))
        document = instance.cli("--json", "deploy", expect=3).document
        assert document["errors"][0]["code"] == "config"
        assert "SECRET_KEY_BASE" in document["errors"][0]["message"]
        assert value[:20] not in str(document)

    def test_an_engine_that_does_not_answer(self, instance: Instance):
        run = instance.cli("--json", "deploy", expect=6, DOCKER_HOST="unix:///nonexistent.sock")
        assert run.document["errors"][0]["code"] == "unreachable"
        assert "hint" in run.document["errors"][0]

    def test_a_mistake_in_the_file(self, instance: Instance):
        path = instance.directory / "instance.toml"
        text = path.read_text()
        try:
            path.write_text(text.replace("[proxy]", "[proxi]", 1))
            run = instance.cli("plan", expect=3)
        finally:
            path.write_text(text)
        assert "proxi" in run.err


def test_two_runs_at_once_are_refused_with_name_time_and_reason(instance: Instance):
    before = instance.tasks()
    instance.configure(proxy__cache_mib=128)
    first = instance.start("deploy")
    try:
        lock = instance.directory / "state" / "lock"
        while f'"pid": {first.pid}' not in lock.read_text():
            assert first.poll() is None, first.communicate()
            time.sleep(0.02)
        second = instance.cli("--json", "deploy", expect=5)
        assert first.poll() is None
    finally:
        out, err = first.communicate(timeout=300)
    assert first.returncode == 0, out + err
    (error,) = second.document["errors"]
    assert error["code"] == "busy"
    assert f"process {first.pid}" in error["message"]
    assert "since 20" in error["message"]
    assert "for `deploy`" in error["message"]
    instance.configure()
    instance.cli("deploy")
    assert changed(before, instance.tasks()) == {"cache"}
