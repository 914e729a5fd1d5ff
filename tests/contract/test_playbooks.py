"""The runner of playbooks with small playbooks of its own, on this machine, without Docker."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from instancectl.adapters.ansible import AnsiblePlaybooks
from instancectl.errors import OperationFailed
from instancectl.ports.playbooks import Event, PlaybookRun

HEAD = """\
- hosts: all
  gather_facts: false
  tasks:
"""
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "playbooks").mkdir()
    return tmp_path


def playbooks(directory: Path, tasks: str) -> AnsiblePlaybooks:
    (directory / "playbooks" / "site.yml").write_text(HEAD + tasks)
    return AnsiblePlaybooks(directory / "playbooks", directory / "state", lambda: "20270101-000000")


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events if event.kind != "text"]


COPY = """\
  - name: Place it
    ansible.builtin.copy:
      dest: "{{ place }}"
      content: "{{ text }}"
      mode: "0644"
"""


def test_a_run_tells_of_each_task_and_how_it_ended(directory: Path) -> None:
    runner, events = playbooks(directory, COPY), list[Event]()
    run = PlaybookRun({"one": {**LOCAL, "place": str(directory / "x"), "text": "a"}})
    assert runner.run(run, events.append)
    assert kinds(events) == ["task", "changed"]
    assert (events[-1].host, events[-1].task) == ("one", "Place it")
    events.clear()
    assert runner.run(run, events.append)
    assert kinds(events) == ["task", "ok"]


def test_text_with_braces_is_no_template(directory: Path) -> None:
    text = '{"tag": "{{.Name}}"} {% raw %} {# x #}'
    run = PlaybookRun({"one": {**LOCAL, "place": str(directory / "x"), "text": text}})
    assert playbooks(directory, COPY).run(run, lambda _event: None)
    assert (directory / "x").read_text() == text


def test_a_check_changes_nothing_and_shows_the_difference(directory: Path) -> None:
    events = list[Event]()
    values = {**LOCAL, "place": str(directory / "x"), "text": "new\n"}
    assert playbooks(directory, COPY).run(PlaybookRun({"one": values}, check=True, diff=True), events.append)
    assert not (directory / "x").exists()
    (shown,) = [event for event in events if event.kind == "diff"]
    assert "new" in str(shown.result["diff"])


def test_only_the_tags_that_were_asked_for_run(directory: Path) -> None:
    tasks = "".join(
        f"  - name: {name}\n    ansible.builtin.debug: {{msg: x}}\n    tags: [{name}]\n"
        for name in ("a", "b")
    )
    events = list[Event]()
    assert playbooks(directory, tasks).run(PlaybookRun({"one": LOCAL}, tags=("b",)), events.append)
    assert [event.task for event in events if event.kind == "task"] == ["b"]


FAIL = """\
  - name: Break
    ansible.builtin.command: sh -c 'echo no room >&2; exit 3'
"""


def test_a_failed_task_is_told_with_what_it_said_and_the_log_has_it(directory: Path) -> None:
    runner, events = playbooks(directory, FAIL), list[Event]()
    assert not runner.run(PlaybookRun({"one": LOCAL}), events.append)
    assert events[-1].kind == "failed"
    assert events[-1].result["stderr"] == "no room"
    log = Path(runner.log)
    assert "no room" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_host_that_cannot_be_reached_is_told_apart(directory: Path) -> None:
    nowhere = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    events = list[Event]()
    assert not playbooks(directory, FAIL).run(PlaybookRun({"one": nowhere}), events.append)
    assert kinds(events) == ["task", "unreachable"]


def test_a_playbook_that_is_none_is_an_error_with_its_log(directory: Path) -> None:
    runner = playbooks(directory, "  - nonsense: [")
    with pytest.raises(OperationFailed, match=r"did not start: .*YAML parsing failed") as caught:
        runner.run(PlaybookRun({"one": LOCAL}), lambda _event: None)
    assert runner.log in caught.value.hint
    assert Path(runner.log).read_text()


def test_ansible_needs_no_command_beside_our_python(directory: Path) -> None:
    """Dependencies may come from elsewhere: a venv that borrows them has no scripts of theirs."""
    venv = directory / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    playbooks(directory, COPY)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from instancectl.adapters.ansible import AnsiblePlaybooks\n"
        "from instancectl.ports.playbooks import PlaybookRun\n"
        f"where = Path({str(directory)!r})\n"
        f"values = dict({LOCAL!r}, place=str(where / 'x'), text='a')\n"
        "runner = AnsiblePlaybooks(where / 'playbooks', where / 'state', lambda: 'now')\n"
        "sys.exit(not runner.run(PlaybookRun({'one': values}), print))\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [venv / "bin" / "python", "-c", program], env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (directory / "x").read_text() == "a"


def test_nothing_but_the_log_stays(directory: Path) -> None:
    playbooks(directory, FAIL).run(PlaybookRun({"one": LOCAL}), lambda _event: None)
    assert list((directory / "state" / "runs").iterdir()) == []
    assert len(list((directory / "state" / "logs").iterdir())) == 1


def test_an_interrupt_ends_the_playbook(directory: Path) -> None:
    slow = "  - name: Sleep\n    ansible.builtin.command: sleep 300\n"

    def interrupt(event: Event) -> None:
        if event.kind == "task":
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        playbooks(directory, slow).run(PlaybookRun({"one": LOCAL}), interrupt)
    assert time.monotonic() - started < 40
    assert not running(directory)


PROGRAM = """\
import signal, sys
from pathlib import Path
from instancectl.adapters.ansible import AnsiblePlaybooks
from instancectl.ports.playbooks import PlaybookRun

signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
base = Path(sys.argv[1])
values = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
tell = lambda event: print(event.kind, flush=True)
AnsiblePlaybooks(base / "playbooks", base / "state", lambda: "x").run(PlaybookRun({"one": values}), tell)
"""


def test_a_run_that_is_killed_takes_ansible_with_it_and_the_next_cleans_up(directory: Path) -> None:
    slow = "  - name: Sleep\n    ansible.builtin.command: sleep 20\n"
    runner = playbooks(directory, slow)
    words = [sys.executable, "-c", PROGRAM, str(directory)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "task" not in process.stdout.readline():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 40
    while running(directory) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not running(directory)
    assert "PLAY [all]" in "".join(log.read_text() for log in (directory / "state" / "logs").iterdir())
    assert len(list((directory / "state" / "runs").iterdir())) == 1
    (directory / "playbooks" / "site.yml").write_text(HEAD + FAIL)
    runner.run(PlaybookRun({"one": LOCAL}), lambda _event: None)
    assert list((directory / "state" / "runs").iterdir()) == []


def test_a_worker_that_outlived_a_killed_run_is_ended_by_the_next(directory: Path) -> None:
    """Workers have sessions of their own, and wait for ever to write to a reader that is dead."""
    dead, alive = (directory / "state" / "runs" / name for name in ("run-dead", "run-alive"))
    for run in (dead, alive):
        run.mkdir(parents=True)
    environments = [{**os.environ, "ANSIBLE_HOME": f"{run}/home"} for run in (dead, alive)]
    workers = [
        subprocess.Popen(["sleep", "60"], env=environment, start_new_session=True)
        for environment in environments
    ]
    try:
        with (alive / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            playbooks(directory, FAIL).run(PlaybookRun({"one": LOCAL}), lambda _event: None)
        assert workers[0].wait(5) == -signal.SIGKILL
        assert workers[1].poll() is None
        assert not dead.exists()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def running(directory: Path) -> list[int]:
    """Processes of Ansible that belong to this test."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"site.yml" in line and str(directory).encode() in line:
                found.append(int(entry.name))
    return found
