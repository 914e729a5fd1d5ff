"""The testbed's instance on a test host, brought up as an admin would: by `launch --host` from the laptop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping

from tests.e2e.host import ROOT, Run
from tests.hosts.machine import Laptop, TestHost

DOMAIN = "hosts.localhost"
STACK = "hosts-localhost"


def images_by_key() -> dict[str, str]:
    """`images.*` → tag; built where they are missing."""
    build = [sys.executable, str(ROOT / "tests/testbed/build.py")]
    subprocess.run([*build, "--default"], check=True, stdout=subprocess.DEVNULL)
    return json.loads(subprocess.run([*build, "--json"], check=True, capture_output=True).stdout)


def load_images(host: TestHost, tags: Iterable[str]) -> None:
    """Bring images to a host's own Engine, in one stream: layers that they share travel once."""
    wanted = sorted(set(tags))
    there = host.exec("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").out.split()
    missing = [tag for tag in wanted if tag not in there]
    if not missing:
        return
    load = ["docker", "exec", "-i", host.container, "docker", "load", "--quiet"]
    with subprocess.Popen(["docker", "save", *missing], stdout=subprocess.PIPE) as saved:
        subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True, timeout=600)
    assert saved.returncode == 0


def launch(laptop: Laptop, host: TestHost, *, target: str = "", **changes: object) -> Run:
    """Provision if need be, bring the images, init, check, deploy.

    Args:
        laptop: where it is typed.
        host: on which it runs.
        target: what is typed behind `--host`; root at the host's address without.
        **changes: further settings; `__` stands for the dot of a key.
    """
    target = target or host.ssh_target
    if host.exec("sh", "-c", "command -v docker", check=False).code:
        laptop.cli("--host", target, "host", "provision")
    images = {key: tag for key, tag in images_by_key().items() if key != "pgbouncer"}
    load_images(host, images.values())
    settings = {
        "instance.layout": "tiny",
        "tls.mode": "internal",
        **{f"images.{key}": tag for key, tag in images.items()},
        **{key.replace("__", "."): value for key, value in changes.items()},
    }
    return laptop.cli("--host", target, "launch", *_words(settings), timeout_seconds=1200)


def _words(settings: Mapping[str, object]) -> list[str]:
    words = ["--domain", DOMAIN, "--owner", "admin", "--email", f"admin@{DOMAIN}", "--mail", "catch"]
    return words + [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
