"""`./quickstart` from nothing, after a kill, again, and `--down`: in a copy of the checkout."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "mastodon.localhost"
NAMES = "mastodon-localhost"
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".check", ".quickstart", "__pycache__", ".*_cache", ".hypothesis"
)

pytestmark = pytest.mark.quickstart


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def objects() -> set[str]:
    """Everything of the instance that is on this machine."""
    kinds = ("service", "network", "volume", "secret", "config")
    names = (docker(kind, "ls", "--format", "{{.Name}}").split() for kind in kinds)
    return {name for found in names for name in found if name.startswith(NAMES)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@dataclass
class Checkout:
    """A copy of the repository with nothing but what is committed or would be."""

    directory: Path
    http: int
    https: int

    def start(self, *words: str) -> subprocess.Popen[str]:
        ports = () if "--down" in words else ("--http-port", str(self.http), "--https-port", str(self.https))
        return subprocess.Popen(
            ["./quickstart", *words, *ports], cwd=self.directory, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str, code: int = 0) -> str:
        started = self.start(*words)
        said, _ = started.communicate(timeout=600)
        assert started.returncode == code, said
        return said

    def instancectl(self, *words: str) -> str:
        command = [str(self.directory / ".quickstart" / "instancectl"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    def get(self, host: str, path: str) -> bytes:
        """One page, with the certificate checked against the exported root."""
        context = ssl.create_default_context(cafile=str(self.directory / ".quickstart" / "root.crt"))
        with (
            socket.create_connection(("127.0.0.1", self.https), 20) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return b"".join(iter(lambda: secure.recv(65536), b""))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    if objects():
        pytest.skip(f"an instance {DOMAIN} runs on this machine")
    directory = tmp_path_factory.mktemp("quickstart") / "instancectl"
    shutil.copytree(ROOT, directory, ignore=LEFT_OUT)
    made = Checkout(directory, free_port(), free_port())
    try:
        yield made
    finally:
        made.start("--down").communicate(timeout=300)


def agents(checkout: Checkout) -> list[str]:
    """Processes that run out of its directory."""
    home = bytes(checkout.directory / ".quickstart")
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if entry.read_bytes().startswith(home):
                found.append(entry.parent.name)
    return found


def test_a_taken_port_is_named_before_anything_is_touched(checkout: Checkout) -> None:
    with socket.socket() as taken:
        taken.bind(("", checkout.http))
        taken.listen()
        said = checkout.run(code=7)
    assert f"port {checkout.http} is taken by" in said
    assert "--http-port" in said
    assert not (checkout.directory / ".quickstart").exists()


def test_a_killed_run_is_continued_to_an_instance_that_answers(checkout: Checkout) -> None:
    with checkout.start() as killed:
        assert killed.stdout
        for line in killed.stdout:
            if "create the service db" in line:
                break
        os.killpg(killed.pid, signal.SIGKILL)
    said = checkout.run()
    assert f"https://{DOMAIN}:{checkout.https} is up" in said
    assert re.search(r"^  password +\S{12,}", said, re.MULTILINE)
    answer = checkout.get(DOMAIN, "/api/v2/instance")
    assert b" 200 " in answer.splitlines()[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["domain"] == DOMAIN
    assert b" 200 " in checkout.get(f"mail.{DOMAIN}", "/").splitlines()[0]
    (dashboard,) = re.findall(r"^  dashboard +(http://127\S+)", said, re.MULTILINE)
    with urllib.request.urlopen(dashboard, timeout=20) as page:
        assert DOMAIN in page.read().decode()


def test_a_second_run_says_in_seconds_that_everything_is_in_place(checkout: Checkout) -> None:
    started = time.monotonic()
    said = checkout.run()
    assert time.monotonic() - started < 15
    assert "everything is in place" in said
    assert "password" not in said
    assert checkout.instancectl("plan").startswith(f"{DOMAIN} matches its configuration")


def test_another_checkout_keeps_its_hands_off(checkout: Checkout, tmp_path: Path) -> None:
    other = Checkout(tmp_path / "instancectl", free_port(), free_port())
    shutil.copytree(ROOT, other.directory, ignore=LEFT_OUT)
    assert "nothing was changed" in other.run(code=7)
    assert "nothing to remove" in other.run("--down")
    assert objects()


def test_down_removes_all_of_it(checkout: Checkout) -> None:
    assert len(agents(checkout)) == 1
    assert f"{DOMAIN} is removed" in checkout.run("--down")
    assert not agents(checkout)
    assert not objects()
    assert not (checkout.directory / ".quickstart").exists()
    assert "nothing to remove" in checkout.run("--down")
