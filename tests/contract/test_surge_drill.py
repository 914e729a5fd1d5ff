"""`instancectl surge drill` as typed: killed, run again, and nothing is left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.backup_harness import built, docker, wait_until

pytestmark = [pytest.mark.contract, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "drilled.localhost"
IMAGES = {
    "web": "testbed/mastodon:v4.6.3",
    "streaming": "testbed/mastodon-streaming:v4.6.3",
    "db": "testbed/postgres:18",
    "redis": "testbed/redis:8",
}


def typed(directory: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "instancectl", "--json", "--config", str(directory), *words]


def crowd() -> list[str]:
    return docker("ps", "-aq", "--filter", "name=drilled-localhost-surge").split()


def test_a_killed_drill_is_cleared_away_by_the_next_one_which_leaves_nothing(tmp_path: Path) -> None:
    built("mastodon", "postgres", "redis")
    images = [word for key, tag in IMAGES.items() for word in ("--set", f"images.{key}={tag}")]
    made = [sys.executable, "-m", "instancectl", "init", "--local", "--domain", DOMAIN, "--layout", "tiny"]
    subprocess.run([*made, "--directory", str(tmp_path), *images], cwd=ROOT, check=True, capture_output=True)
    killed = subprocess.Popen(typed(tmp_path, "surge", "drill"), cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(crowd()) >= 2, "a drill", 60)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert crowd()
    again = typed(tmp_path, "surge", "drill", "--for", "20s")
    done = subprocess.run(again, cwd=ROOT, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["data"]
    print(f"drill: {found}")
    assert "that a killed drill left behind" in done.stderr
    assert found["signups"] > found["mails_missing"]
    assert found["deliveries"]["done"] > 0
    assert not crowd()
    for kind in ("volume", "network"):
        assert not docker(kind, "ls", "-q", "--filter", "name=drilled-localhost-surge").split()
