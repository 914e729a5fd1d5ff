"""From a rented server to an instance, typed on a laptop: real hosts, real SSH, killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hosts.conftest import MakeHost
from tests.hosts.instance import DOMAIN, images_by_key, load_images
from tests.hosts.machine import Laptop, TestHost

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1500)]
SECRETS = "/etc/instancectl/secrets.env"


def line(host: TestHost) -> list[str]:
    """What the admin types, every time the same."""
    images = {key: tag for key, tag in images_by_key().items() if key != "pgbouncer"}
    settings = {"instance.layout": "tiny", "tls.mode": "internal"} | {
        f"images.{key}": tag for key, tag in images.items()
    }
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    owner = ["--domain", DOMAIN, "--email", f"admin@{DOMAIN}", "--mail", "catch"]
    return ["--host", host.ssh_target, "launch", *owner, *words]


def killed_at(laptop: Laptop, words: list[str], sign: str, seconds: float = 900) -> str:
    """Type a command and pull the laptop's plug when it says `sign`; what it had said."""
    command = [sys.executable, "-m", "instancectl", *words]
    environment = {**laptop.environment, "PYTHONPATH": str(Path(__file__).parents[2]), "NO_COLOR": "1"}
    child = subprocess.Popen(
        command, cwd=laptop.directory, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    said = ""
    deadline = time.monotonic() + seconds
    with child:
        for text in child.stderr:
            said += text
            if sign in text or time.monotonic() > deadline:
                break
        os.killpg(child.pid, signal.SIGKILL)
    assert sign in said, said
    return said


def test_a_fresh_server_becomes_an_instance(make_host: MakeHost, laptop: Laptop, tmp_path: Path) -> None:
    host = make_host("laptop", "bookworm")
    laptop.knows([host], keys=False)
    fingerprint = subprocess.run(
        ["ssh-keygen", "-lf", host.known_hosts], check=True, capture_output=True, text=True
    ).stdout.split()[1]

    # Nobody confirmed the key: nothing happens.
    refused = laptop.cli(*line(host), expect=7)
    assert fingerprint in refused.err
    assert f"--host-key {fingerprint}" in refused.err

    # The laptop dies while the server is being provisioned; the same line goes on.
    confirmed = ["--host-key", fingerprint, *line(host)]
    killed_at(laptop, confirmed, "✓ packages and time")
    no_images = laptop.cli(*confirmed, expect=None, timeout_seconds=1200)
    assert no_images.code in {7, 8}, no_images.err
    assert "image" in no_images.err
    assert host.ssh("true", user="root", check=False).code
    secrets = host.exec("cat", SECRETS).out

    # Root's login is closed meanwhile; the same line still goes on.
    load_images(host, (word.partition("=")[2] for word in line(host) if word.startswith("images.")))
    done = laptop.cli(*line(host), timeout_seconds=1200)
    manager = f"admin@{host.address}"
    assert f'manager = "{manager}"' in done.err
    assert host.exec("cat", SECRETS).out == secrets

    everything_else_runs_there(laptop, host, manager, tmp_path / "instance.toml")
    nothing_is_left_in_sight(host)
    other_settings_replace_nothing(laptop, host, manager, tmp_path / "other.toml")


def everything_else_runs_there(laptop: Laptop, host: TestHost, manager: str, signpost: Path) -> None:
    """By name, and by the instance file that the last lines of `launch` proposed."""
    status = laptop.cli("--host", manager, "status", "--json")
    assert json.loads(status.out)["data"]["verdict"] == "well"
    signpost.write_text(f'[instance]\ndomain = "{DOMAIN}"\n[hosts]\nmanager = "{manager}"\n')
    config = ("--config", str(signpost))
    assert laptop.cli(*config, "plan", "--exit-code").code == 0
    assert laptop.cli(*config, "tootctl", "version").out.splitlines()[-1].startswith("4.")
    assert laptop.cli(*config, "tootctl", "no-such-command", expect=None).code not in {0, 7}
    journal = laptop.cli(*config, "journal", "--json", "--last", "1")
    assert "admin@" in json.dumps(json.loads(journal.out))


def nothing_is_left_in_sight(host: TestHost) -> None:
    """Of what travelled."""
    assert host.exec("stat", "-c", "%a %U", SECRETS).out.split() == ["600", "root"]
    assert host.script("ls -d /run/instancectl-relay.* 2>/dev/null || true").out == ""


def other_settings_replace_nothing(laptop: Laptop, host: TestHost, manager: str, file: Path) -> None:
    """An instance file of the laptop that says something else is refused."""
    file.write_text(f'[instance]\ndomain = "{DOMAIN}"\nlayout = "small"\n[hosts]\nmanager = "{manager}"\n')
    before = host.exec("cat", "/etc/instancectl/instance.toml").out
    refused = laptop.cli("--config", str(file), "launch", expect=7)
    assert "differ in `instance.layout`; neither was changed" in refused.err
    assert host.exec("cat", "/etc/instancectl/instance.toml").out == before
