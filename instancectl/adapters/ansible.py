"""Playbooks by ansible-runner (`ports.playbooks.Playbooks`); its only importer."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import ansible_runner

from instancectl.errors import OperationFailed
from instancectl.ports.playbooks import Event, PlaybookRun

LOGS_KEPT = 20
_PID = "pid"
_KINDS = {
    "runner_on_ok": "ok",
    "runner_on_skipped": "skipped",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_item_on_failed": "item-failed",
}
_ENVIRONMENT = {
    "ANSIBLE_GATHERING": "explicit",
    "ANSIBLE_PIPELINING": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "True",
    "ANSIBLE_NOCOLOR": "True",
    "ANSIBLE_NOCOWS": "True",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "ANSIBLE_DEPRECATION_WARNINGS": "False",
    "ANSIBLE_INJECT_FACT_VARS": "False",
    "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "False",
    "ANSIBLE_VERBOSE_TO_STDERR": "False",
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class AnsiblePlaybooks:
    """Runs in a private directory that is removed afterwards; the next run removes what a killed one left."""

    def __init__(self, playbooks: Path, state: Path, clock: Callable[[], str]) -> None:
        """Say where the playbooks are and where to keep logs; `clock` gives the time for a file's name."""
        self._playbooks = playbooks
        self._state = state
        self._clock = clock
        self._log = Path()

    @property
    def log(self) -> str:
        """See `ports.playbooks.Playbooks`."""
        return str(self._log)

    def run(self, run: PlaybookRun, tell: Callable[[Event], None]) -> bool:
        """See `ports.playbooks.Playbooks`."""
        with self._private() as directory, self._open_log() as log:
            return _Ansible(self._playbooks, directory, log).run(run, tell, str(self._log))

    @contextlib.contextmanager
    def _private(self) -> Iterator[Path]:
        """A directory of our own; its lock is the kernel's and tells living runs from dead ones."""
        runs = self._state / "runs"
        runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in runs.iterdir():
            _remove_if_dead(stale)
        directory = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield directory
            finally:
                shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[IO[str]]:
        logs = self._state / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(logs.glob("provision-*.log"))[: -LOGS_KEPT + 1]:
            old.unlink(missing_ok=True)
        self._log = logs / f"provision-{self._clock()}-{os.getpid()}.log"
        handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", buffering=1) as log:  # a run that is killed leaves its log
            yield log


def _remove_if_dead(directory: Path) -> None:
    with contextlib.suppress(OSError), (directory / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Ansible's workers have sessions of their own: no hangup reaches one that waits for a dead reader.
        _end_those_of(directory)
        shutil.rmtree(directory, ignore_errors=True)


class _Ansible:
    """One run of ansible-playbook in a thread; its events come through a queue."""

    def __init__(self, playbooks: Path, directory: Path, log: IO[str]) -> None:
        self._playbooks = playbooks
        self._directory = directory
        self._log = log
        self._events: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._status = "failed"
        self._broken: BaseException | None = None

    def run(self, run: PlaybookRun, tell: Callable[[Event], None], log: str) -> bool:
        thread = threading.Thread(target=self._work, args=(run,), name="ansible", daemon=True)
        thread.start()
        told = False
        try:
            while (raw := self._events.get()) is not None:
                self._log.write((text + "\n") if (text := raw.get("stdout") or "") else "")
                for event in _events(raw, diff=run.diff):
                    told = told or event.kind == "task"
                    tell(event)
        except BaseException:
            self._interrupt(thread)
            raise
        thread.join()
        if self._broken is not None or (self._status not in {"successful", "failed"}) or not told:
            raise self._failure(log) from self._broken
        return self._status == "successful"

    def _interrupt(self, thread: threading.Thread) -> None:
        """End Ansible the way Ctrl-C does: it then ends what it started, in sessions of their own."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self._directory / _PID).read_text()), signal.SIGINT)
            thread.join(15)
        self._cancelled.set()
        thread.join(30)
        _end_those_of(self._directory)

    def _work(self, run: PlaybookRun) -> None:
        try:
            runner = ansible_runner.run(
                private_data_dir=str(self._directory),
                project_dir=str(self._playbooks),
                playbook="site.yml",
                inventory=str(self._inventory(run)),
                cmdline=_options(run),
                envvars=self._environment(len(run.hosts)),
                verbosity=run.verbose or None,
                quiet=True,
                suppress_env_files=True,
                settings={"suppress_ansible_output": True, "idle_timeout": 0, "job_timeout": 0},
                event_handler=self._receive,
                # Given so that ansible-runner leaves the signals of this process alone.
                cancel_callback=self._cancelled.is_set,
            )
            self._status = runner.status
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            self._broken = error
        finally:
            self._events.put(None)

    def _receive(self, raw: Mapping[str, Any]) -> bool:
        self._events.put(raw)
        return False  # nothing of it is kept in a file

    def _inventory(self, run: PlaybookRun) -> Path:
        path = self._directory / "hosts.json"
        tree = {"all": {"hosts": {name: _unsafe(values) for name, values in run.hosts.items()}}}
        path.write_text(json.dumps(tree))
        return path

    def _environment(self, hosts: int) -> dict[str, str]:
        first = self._directory / "bin"
        _mortal(first / "ansible-playbook", self._directory / _PID)
        (self._directory / "ansible.cfg").touch()  # a person's own settings must not change what happens
        private = {
            "ANSIBLE_CONFIG": str(self._directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._directory / "home"),
            "ANSIBLE_LOCAL_TEMP": str(self._directory / "tmp"),
            "ANSIBLE_FORKS": str(max(2, min(hosts, 10))),
            "PATH": f"{first}:{os.environ.get('PATH', os.defpath)}",
        }
        return {**_ENVIRONMENT, **private}

    def _failure(self, log: str) -> OperationFailed:
        reason = "it was ended" if self._status in {"canceled", "timeout"} else "it did not start"
        said = [line.strip() for line in Path(log).read_text(errors="replace").splitlines() if line.strip()]
        cause = next((line for line in said if "ERROR" in line), said[-1] if said else "it said nothing")
        return OperationFailed(
            f"cannot run the playbook: {reason}: {cause}",
            hint=f"the log says why: `{log}`",
            subject="ansible-playbook",
        )


def _end_those_of(directory: Path) -> None:
    """End what Ansible forked for the run of this directory; without /proc, it ends with its task."""
    mine = f"ANSIBLE_HOME={directory}/".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mine in entry.read_bytes():
                os.kill(int(entry.parent.name), signal.SIGKILL)


def _mortal(path: Path, pid: Path) -> None:
    """A script that runs Ansible as a module of our own Python, and ends with us, even under nohup.

    Its commands may lie anywhere, or nowhere: what can be imported here is what runs.
    Its terminal is ours: when we are gone, the kernel sends it a hangup, which it must not ignore.
    `pid` then holds its number.
    """
    path.parent.mkdir(mode=0o700)
    path.write_text(
        f"#!{sys.executable} -I\n"
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        f"open({str(pid)!r}, 'w').write(str(os.getpid()))\n"
        f"words = [{sys.executable!r}, '-P', '-m', 'ansible', 'playbook']\n"
        "os.execv(words[0], [*words, *sys.argv[1:]])\n"
    )
    path.chmod(0o700)


def _options(run: PlaybookRun) -> str:
    words = [*(["--check"] if run.check else []), *(["--diff"] if run.diff else [])]
    if run.tags:
        words += ["--tags", ",".join(run.tags)]
    return " ".join(words)


def _unsafe(value: object) -> object:
    """The value with every text that looks like a template marked as none."""
    if isinstance(value, Mapping):
        return {key: _unsafe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unsafe(item) for item in value]
    if isinstance(value, str) and any(mark in value for mark in ("{{", "{%", "{#")):
        return {"__ansible_unsafe": value}
    return value


def _events(raw: Mapping[str, Any], *, diff: bool) -> Iterator[Event]:
    """What one of ansible-runner's events means to us; most mean nothing."""
    name, data = raw.get("event", ""), raw.get("event_data") or {}
    about = {"host": data.get("host", ""), "role": data.get("role", ""), "task": data.get("task", "")}
    if name == "playbook_on_task_start":
        yield Event("task", role=about["role"], task=about["task"])
    elif name in _KINDS:
        yield _finished(_KINDS[name], data, about)
    # A loop tells of each item, and of all of them again at its end.
    found = (data.get("res") or {}) if diff and name in {"runner_on_ok", "runner_item_on_ok"} else {}
    if found.get("diff") and "results" not in found:
        yield Event("diff", **about, result={"diff": found["diff"]})
    elif name == "verbose" and raw.get("stdout"):
        yield Event("text", result={"text": raw["stdout"]})


def _finished(kind: str, data: Mapping[str, Any], about: Mapping[str, str]) -> Event:
    result = data.get("res") or {}
    if kind == "ok" and result.get("changed"):
        kind = "changed"
    if kind == "failed" and data.get("ignore_errors"):
        kind = "ok"
    return Event(kind, **about, result=result)
