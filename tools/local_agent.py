"""The agent of the local instance: it probes, and serves the dashboard."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tomllib
import urllib.request
from pathlib import Path

import machine
from note import COMMAND, HOME, SETTINGS

LOG = HOME / "agent.log"
LISTENS = {"monitoring.listen": 9394, "dashboard.listen": 9390}
"""Setting → its usual port on loopback."""

START_SECONDS = 30
STOP_SECONDS = 20


def settings() -> dict[str, str]:
    """Addresses for what cannot have its usual port, because somebody else has it."""
    return {key: f"127.0.0.1:{_free()}" for key, port in LISTENS.items() if not _is_free(port)}


def dashboard() -> str:
    """Where the dashboard is."""
    section = tomllib.loads(SETTINGS.read_text()).get("dashboard", {})
    usual = f"127.0.0.1:{LISTENS['dashboard.listen']}"
    return f"http://{section.get('listen', usual)}/"


def start() -> tuple[str, None]:
    """Start it unless it runs; an instance without it is an instance all the same."""
    if not running():
        with LOG.open("ab") as log:
            subprocess.Popen(
                [str(COMMAND), "agent", "run"], cwd=HOME, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
    if machine.wait_until(_answers, seconds=START_SECONDS):
        return dashboard(), None
    return f"does not answer; {LOG.name} in .quickstart/ says why", None


def stop() -> tuple[str, None]:
    """End it, the hard way if need be."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in running():
            os.kill(pid, number)
        if machine.wait_until(lambda: not running(), seconds=STOP_SECONDS):
            break
    return "stopped", None


def running() -> list[int]:
    """Processes of the agent; found by what they run, so that none is lost with a killed quickstart."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].startswith(bytes(HOME / "venv")) and words[-3:-1] == [b"agent", b"run"]:
            found.append(int(entry.parent.name))
    return found


def _answers() -> bool:
    try:
        with urllib.request.urlopen(dashboard(), timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])
