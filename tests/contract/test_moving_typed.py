"""A move as it is typed: what is said beforehand, on both hosts, and what a host refuses that handed over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.restore_files import HandoverFile
from instancectl.adapters.secret_file import SecretFile
from instancectl.adapters.secret_generator import SystemSecretGenerator
from instancectl.core.backup import receiving
from instancectl.core.secret_set import NAMES
from tests.contract.backup_harness import DOMAIN, ROOT, container, docker, wait_until
from tests.contract.test_moments_real import Cluster, cluster_of
from tests.contract.test_moving_files import GIVEN

pytestmark = [pytest.mark.contract, pytest.mark.slow]

IMAGE = "testbed/postgres:18"
INSTANCE = """\
[instance]
domain = "{domain}"
name = "{stack}"

[mail]
mode = "none"

[images]
db = "{image}"

[backup]
point_in_time = true
"""


class Shell:
    """Commands typed in an instance's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, *words: str, code: int = 0) -> dict:
        argv = [sys.executable, "-m", "instancectl", "--json", "--config", str(self.directory), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


def instance_in(directory: Path, stack: str) -> Shell:
    """Settings and secrets, of which nothing runs."""
    (directory / "instance.toml").write_text(INSTANCE.format(domain=DOMAIN, stack=stack, image=IMAGE))
    SecretFile(directory / "secrets.env").add(SystemSecretGenerator().generate(NAMES))
    return Shell(directory)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(IMAGE, tmp_path_factory.mktemp("typed")) as made:
        yield made


@pytest.fixture(scope="module")
def shell(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """An instance whose WAL is sent, with a set that has a base."""
    directory, stack = tmp_path_factory.mktemp("instance"), cluster.made.stack
    made = instance_in(directory, stack)
    (directory / "disk").mkdir()
    volumes = [docker("volume", "create", f"{stack}_{name}").strip() for name in ("media", "wal")]
    try:
        with container(
            "--volume", f"{volumes[1]}:{receiving.DIRECTORY}",
            "--volume", f"{cluster.made.directory / 'socket'}:{receiving.SOCKET}",
            "--volume", f"{cluster.made.secrets}:/run/secrets:ro",
            "--env", "KEEP_MIB=128",
            IMAGE, *receiving.RECEIVE,
        ):  # fmt: skip
            wait_until(lambda: cluster.slot().startswith("t"), "the receiver")
            place = ("--directory", str(directory / "disk"), "--kit", str(directory / "kit.txt"))
            made.run("backup", "init", *place, "--accept-risk", "same-disk")
            made.run("backup", "send")
            made.run("backup", "create")
            cluster.say("after the base")
            made.run("backup", "send")
            yield made
    finally:
        for name in volumes:
            docker("volume", "rm", "--force", name)


@pytest.mark.long
def test_what_is_said_beforehand(shell: Shell, tmp_path: Path) -> None:
    refused = shell.run("backup", "handover", "--dry-run", code=7)
    assert "nobody follows social.example" in refused["errors"][0]["message"]
    planned = shell.run("backup", "handover", "--dry-run", "--accept-risk", "nobody-follows")
    assert (planned["status"], planned["data"]["media"]) == ("planned", True)
    assert "nothing to undo" in shell.run("backup", "handover", "--undo", code=7)["errors"][0]["message"]
    unconfirmed = shell.run("backup", "handover", code=7)["errors"][0]
    assert f"--confirm={DOMAIN}" in unconfirmed["hint"]

    source = ("--from", str(shell.directory / "disk"), "--kit", str(shell.directory / "kit.txt"))
    elsewhere = Shell(tmp_path / "instance.toml")
    found = elsewhere.run("restore", *source, "--follow", "--dry-run")["data"]
    assert found["set"] == found["start"]
    assert not list(tmp_path.iterdir())
    assert elsewhere.run("restore", *source, "--follow", "--at", "latest", code=2)["errors"]


def test_a_host_that_handed_over_starts_nothing(tmp_path: Path) -> None:
    shell = instance_in(tmp_path, "handed")
    HandoverFile(tmp_path / "state" / "handover.json").save(GIVEN)
    for words in (("deploy",), ("maintenance", "off"), ("backup", "create"), ("backup", "send")):
        refused = shell.run(*words, code=7)["errors"][0]
        assert f"{DOMAIN} was handed over by this host" in refused["message"]
