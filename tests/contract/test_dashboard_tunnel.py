"""The way to the dashboard of another host, over a real sshd: asked there, led there, closed by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.ssh import Ssh, SshHost, Tunnel
from instancectl.adapters.web_dashboard import DashboardServer
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.monitoring.dashboard_link import PROGRAM, ask_there
from tests.contract.sshd import Sshd, unavailable
from tests.contract.standin_harness import eventually
from tests.operations.looked_at import ROOT, LookedAt

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "sshd can run"),
]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd"), Path(request.config.cache.mkdir("sshd"))) as running:
        running.trust()
        yield running


@pytest.fixture
def dashboard() -> Iterator[DashboardServer]:
    made = DashboardServer(("127.0.0.1", 0), LookedAt().look().dashboard, ROOT / "monitoring" / "dashboard")
    made.start()
    yield made
    made.close()


def answers(sshd: Sshd, port: int) -> None:
    """What `instancectl dashboard --json` on that host says."""
    data = {"address": f"http://127.0.0.1:{port}/", "domain": "social.example", "sentence": "all is well"}
    sshd.program(f"cat <<'END'\n{json.dumps({'data': data, 'errors': []})}\nEND\n")


def environment(sshd: Sshd, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ, "INSTANCECTL_SSH": " ".join(sshd.ssh), "XDG_RUNTIME_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip


def test_it_is_reached_until_ctrl_c(sshd: Sshd, dashboard: DashboardServer, tmp_path: Path) -> None:
    answers(sshd, dashboard.port)
    command = [sys.executable, "-m", "instancectl", "dashboard", "--host", f"admin@127.0.0.1:{sshd.port}"]
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *command], cwd=tmp_path, env=environment(sshd, tmp_path),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    address = process.stdout.readline().split()[0]
    assert not address.endswith(f":{dashboard.port}/")  # that port is taken on this machine
    found = json.loads(eventually(lambda: read(f"{address}overview.json")))
    assert found["domain"] == "social.example"
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "social.example: all is well" in err
    assert "Traceback" not in err
    assert not read(f"{address}overview.json")


def read(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read()
    except OSError:
        return b""


@pytest.fixture
def host(sshd: Sshd, tmp_path: Path) -> Iterator[SshHost]:
    (tmp_path / "s").mkdir(mode=0o700)
    made = SshHost(sshd.address("admin"), Ssh(sshd.ssh, tmp_path / "s"))
    yield made
    made.close()


def test_where_no_agent_serves_it_the_host_says_why(sshd: Sshd, host: SshHost) -> None:
    error = {"message": "cannot read the dashboard", "hint": "is the agent running?"}
    sshd.program(f"cat <<'END'\n{json.dumps({'data': {}, 'errors': [error]})}\nEND\nexit 6\n")
    with pytest.raises(OperationFailed, match="cannot read the dashboard") as caught:
        ask_there(host)
    assert caught.value.hint == "is the agent running?"


def test_a_host_with_something_older_is_told_apart(sshd: Sshd, host: SshHost) -> None:
    assert PROGRAM == "/usr/local/bin/instancectl"
    sshd.program("echo 'error: no such command `dashboard`' >&2\nexit 2\n")
    with pytest.raises(Refused, match="does not say where its dashboard is") as caught:
        ask_there(host)
    assert "instancectl host provision" in caught.value.hint


def test_a_port_that_is_taken_here_is_named(sshd: Sshd, dashboard: DashboardServer, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o700)
    with pytest.raises(OperationFailed, match="it is taken"):
        Tunnel(sshd.address("admin"), Ssh(sshd.ssh, tmp_path / "s"), "127.0.0.1:9390", dashboard.port)
