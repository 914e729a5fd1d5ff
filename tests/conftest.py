"""What all tests share: tests without a marker must not reach out of their process."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about who else uses the machine than about the code.
settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A submission is judged by itself, not by luck: CI tries the same examples every time, people new ones.
settings.register_profile("ci", settings.get_profile("shared-machine"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "shared-machine")

# Directories whose tests are about values: no network, no child process, no waiting.
ISOLATED = frozenset({"unit", "operations"})


@pytest.fixture(autouse=True)
def _isolation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse sockets, child processes and sleeping in unit and operations tests."""
    here = request.path.relative_to(Path(__file__).parent).parts[0]
    if here not in ISOLATED or request.node.get_closest_marker("slow"):
        return

    def refuse(what: str) -> object:
        def refused(*args: object, **kwargs: object) -> None:
            pytest.fail(f"a test in tests/{here} tried to {what}")

        return refused

    monkeypatch.setattr(socket.socket, "connect", refuse("open a connection"))
    monkeypatch.setattr(subprocess, "Popen", refuse("start a process"))
    monkeypatch.setattr(time, "sleep", refuse("sleep"))


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same output everywhere, and no instance of the developer by accident."""
    for name in ("INSTANCECTL_CONFIG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")
