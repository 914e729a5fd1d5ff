"""Destroy, and everything anew."""

from __future__ import annotations

import secrets

import pytest

from tests.e2e.browser import Browser
from tests.e2e.conftest import removed
from tests.e2e.host import DOMAIN, Instance, docker, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def bystander():
    """Somebody else's stack on the same Swarm, with similar names."""
    name = f"e2e-bystander-{secrets.token_hex(3)}"
    docker("network", "create", "--driver", "overlay", f"{name}_edge")
    docker("volume", "create", f"{name}_db")
    docker(
        "service", "create", "--detach", "--no-resolve-image", "--name", f"{name}_web",
        "--network", f"{name}_edge", "--endpoint-mode", "dnsrr",
        "--mount", f"type=volume,source={name}_db,target=/data",
        "testbed/base:forky", "sleep", "3600",
    )  # fmt: skip
    state = ("--filter", "desired-state=running", "--format", "{{.CurrentState}}")
    eventually(lambda: "Running" in docker("service", "ps", f"{name}_web", *state))
    yield name
    docker("service", "rm", f"{name}_web")
    eventually(lambda: not docker("ps", "-q", "--filter", f"name={name}_web"))
    eventually(lambda: removed("network", f"{name}_edge"))
    eventually(lambda: removed("volume", f"{name}_db"))


@pytest.mark.usefixtures("unchanged")
class TestWithoutConsent:
    @pytest.mark.parametrize(
        "words", [(), ("--yes",), ("--confirm=other.localhost",), ("--yes", "--keep-data")]
    )
    def test_it_is_refused(self, instance: Instance, words):
        run = instance.cli("--json", "destroy", *words, expect=7)
        assert "no changes made" in run.document["errors"][0]["message"]

    def test_looking_is_free(self, instance: Instance):
        document = instance.cli("--json", "destroy", "--dry-run").document
        assert {"kind": "volume", "name": "db"} in document["data"]["remove"]


def test_all_of_it_goes_only_it_and_it_can_come_again(instance: Instance, browser: Browser, bystander: str):
    task = docker("service", "ps", f"{bystander}_web", "--filter", "desired-state=running", "--quiet")
    secrets_before = (instance.directory / "secrets.env").read_text()

    document = instance.cli("--json", "destroy", f"--confirm={DOMAIN}").document

    assert document["status"] == "changed"
    assert all(not found for found in instance.objects().values()), instance.objects()
    assert "instancectl.data.e2e-localhost" not in docker("node", "inspect", "self")
    assert docker("service", "ps", f"{bystander}_web", "--filter", "desired-state=running", "--quiet") == task
    assert docker("volume", "inspect", f"{bystander}_db")
    assert (instance.directory / "secrets.env").read_text() == secrets_before
    assert (instance.directory / "instance.toml").exists()
    assert instance.cli("--json", "destroy", f"--confirm={DOMAIN}").document["status"] == "unchanged"
    refused = instance.cli("tootctl", "version", expect=7)
    assert "not deployed" in refused.err

    again = instance.cli("--json", "deploy").document

    assert again["status"] == "changed"
    owner = again["data"]["owner"]
    instance.password = owner["password"]
    authority = docker(
        "exec", instance.container("proxy"), "cat", "/data/caddy/pki/authorities/local/root.crt"
    )
    assert authority != browser.authority
    newcomer = Browser(instance.ports[1], authority)
    assert newcomer.log_in(owner["email"], owner["password"]).status == 200
    assert instance.cli("plan", "--exit-code").code == 0
