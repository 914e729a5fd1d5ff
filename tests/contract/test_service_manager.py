"""systemd's side of a notification socket, and being asked to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.service_manager import ServiceManager


@pytest.fixture
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@instancectl-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind("\0" + name[1:] if name.startswith("@") else name)
        made.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield made


@pytest.mark.usefixtures("_signals")
class TestServiceManager:
    def test_systemd_is_told(self, systemd: socket.socket) -> None:
        manager = ServiceManager()
        manager.ready()
        manager.tell("bad: PostgreSQL\nis down")
        assert systemd.recv(1000) == b"READY=1"
        assert systemd.recv(1000) == b"STATUS=bad: PostgreSQL is down\nWATCHDOG=1"

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_the_wait_at_once(self, systemd: socket.socket, number: signal.Signals) -> None:
        manager = ServiceManager()
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        started = time.monotonic()
        assert manager.wait(30)
        assert time.monotonic() - started < 5
        assert manager.wait(0)
        assert systemd.recv(1000) == b"STOPPING=1"

    def test_without_systemd_nobody_is_told(self, monkeypatch) -> None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        manager = ServiceManager()
        manager.ready()
        manager.tell("good")
        assert not manager.wait(0)

    def test_a_systemd_that_went_away_is_no_failure(self, monkeypatch, tmp_path: Path) -> None:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
        ServiceManager().ready()
