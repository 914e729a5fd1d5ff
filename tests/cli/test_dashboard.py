"""`dashboard`, `top` and `runbook` as a person types them, against a dashboard that is really served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from instancectl.adapters.web_dashboard import DashboardServer
from instancectl.cli import main
from tests.operations.looked_at import ROOT, LookedAt


@pytest.fixture
def world() -> LookedAt:
    return LookedAt().look()


@pytest.fixture
def server(world: LookedAt) -> Iterator[DashboardServer]:
    made = DashboardServer(("127.0.0.1", 0), world.dashboard, ROOT / "monitoring" / "dashboard")
    made.start()
    yield made
    made.close()


@pytest.fixture
def directory(tmp_path: Path, server: DashboardServer) -> Path:
    (tmp_path / "instance.toml").write_text(
        f'[instance]\ndomain = "social.example"\n[dashboard]\nlisten = "127.0.0.1:{server.port}"\n'
    )
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main.run(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_address_and_what_it_says_now(
    directory: Path, server: DashboardServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--config", str(directory), "dashboard")
    assert code == 0
    assert out == f"http://127.0.0.1:{server.port}/\nsocial.example: all is well\n"
    assert "--host USER@ADDRESS" in err
    code, out, _ = run(capsys, "--config", str(directory), "dashboard", "--json", "--host", "local")
    assert json.loads(out)["data"]["address"] == f"http://127.0.0.1:{server.port}/"


def test_without_an_agent_it_says_what_to_look_at(
    directory: Path, server: DashboardServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.close()
    for command in (("dashboard",), ("top", "--once")):
        code, _, err = run(capsys, "--config", str(directory), *command)
        assert code == 6
        assert "systemctl status instancectl-agent" in err


def test_something_else_on_the_port_is_no_dashboard(
    directory: Path, world: LookedAt, capsys: pytest.CaptureFixture[str]
) -> None:
    world.world.ledger.broken = True
    code, _, err = run(capsys, "--config", str(directory), "dashboard")
    assert code == 6
    assert "disk full" in err


def test_an_address_that_others_reach_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[instance]\ndomain = "social.example"\n[dashboard]\nlisten = "0.0.0.0:9390"\n'
    (tmp_path / "instance.toml").write_text(text)
    code, _, err = run(capsys, "--config", str(tmp_path), "dashboard")
    assert code == 3
    assert "asks for no password" in err


def test_only_grafana_is_an_argument(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--config", str(directory), "dashboard", "kibana")[0] == 2


def test_grafanas_file_needs_no_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "dashboard", "grafana")
    assert code == 0
    assert json.loads(out)["uid"] == "instancectl"


def test_one_screen_says_all_that_matters_in_80_columns(
    directory: Path, world: LookedAt, capsys: pytest.CaptureFixture[str]
) -> None:
    world.world.redis.push("push", {"class": "X", "enqueued_at": int((world.now - 400) * 1000)})
    world.later().look()
    code, out, _ = run(capsys, "--config", str(directory), "top", "--once")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("SOCIAL.EXAMPLE  LOOK  people get in, but: queue_push: the oldest job waited")
    assert [line for line in lines if line.split()[:4] == ["push", "1", "6", "min"] and "!" in line]
    assert "QUEUES  LOOK" in out
    assert "DATABASE & DISK  ok" in out
    assert max(len(line) for line in lines if not line.isupper() and "  LOOK" not in line) <= 110


def test_without_a_terminal_top_prints_once(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--config", str(directory), "top", "--json")
    assert code == 0
    assert json.loads(out)["data"]["domain"] == "social.example"


def test_on_a_terminal_it_draws_until_ctrl_c_and_gives_the_terminal_back(directory: Path) -> None:
    import pty
    import signal

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "instancectl", "--config", str(directory), "top"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "50", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *command], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, env=environment,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 20
    while b"all is well" not in seen and time.monotonic() < deadline:
        seen += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    assert process.wait(timeout=20) == 130
    os.close(ours)
    assert b"all is well" in seen
    assert b"\x1b[?1049h" in seen  # took the whole screen
    assert b"\x1b[?1049l" in seen  # and gave it back
    assert seen.rindex(b"\x1b[?1049l") > seen.rindex(b"\x1b[?1049h")


# ---- runbooks


def test_a_runbook_is_printed_with_the_stacks_name(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--config", str(directory), "runbook", "DatabaseDown")
    assert code == 0
    assert out.startswith("# DatabaseDown\n")
    assert "$ docker service ps social-example_db --no-trunc" in out
    assert "STACK" not in out


def test_runbooks_are_listed_and_a_wrong_name_is_corrected(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--config", str(directory), "runbook")
    assert code == 0
    assert "DatabaseDown" in out.splitlines()
    code, _, err = run(capsys, "--config", str(directory), "runbook", "DatbaseDown")
    assert code == 7
    assert "`instancectl runbook DatabaseDown`" in err


def test_the_commands_of_a_runbook_are_for_scripts_too(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "--config", str(directory), "runbook", "web-down", "--json")
    assert json.loads(out)["data"]["commands"]["diagnose"][0] == "instancectl status"
