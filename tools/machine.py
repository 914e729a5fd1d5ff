"""What `./check` and `./quickstart` need of the machine: packages, Docker Engine, a Swarm, a venv.

Standard library only: this runs before anything is installed.
Everything it starts is reported to the caller, who stops it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# What to look for, and the Debian/Ubuntu package that brings it.
# Debian 13 split the command-line client off docker.io; older suites have no docker-cli.
COMMANDS = {
    "dockerd": ("docker.io",),
    "docker": ("docker-cli", "docker.io"),
    "iptables": ("iptables",),
}
TEST_COMMANDS = {
    "debootstrap": ("debootstrap",),
    "openssl": ("openssl",),
    "ip": ("iproute2",),
    "ssh": ("openssh-client",),
    "chromium": ("chromium", "chromium-browser"),
}


class MachineError(Exception):
    """The machine lacks something that could not be provided; the text says what to do."""


def answer(*command: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """Run a short command and return how it ended; a missing program reads as exit 127."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: not found")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {timeout:.0f} s")


def wait_until(true: Callable[[], bool], *, seconds: float, interval: float = 0.25) -> bool:
    """Poll until something holds; False when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


# ---------------------------------------------------------------------------
# Packages


def missing_packages(commands: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Packages that bring the commands which are not there yet."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin"
    wanted = [names for command, names in commands.items() if not shutil.which(command, path=path)]
    if not wanted:
        return []
    return sorted({next((name for name in names if _known(name)), names[-1]) for names in wanted})


def _known(package: str) -> bool:
    found = answer("apt-cache", "policy", package).stdout
    return "Candidate:" in found and "Candidate: (none)" not in found


def install_packages(commands: Mapping[str, tuple[str, ...]], log: Path) -> list[str]:
    """Install what is missing with apt; returns the packages that were installed.

    Raises:
        MachineError: no apt, no right to use it, or it failed.
    """
    packages = missing_packages(commands)
    if not packages:
        return []
    if not shutil.which("apt-get"):
        raise MachineError(
            f"{' '.join(packages)} missing and there is no apt-get; install them and try again"
        )
    if os.geteuid() != 0:
        raise MachineError(f"{' '.join(packages)} missing; run this as root, or `sudo apt-get install` them")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    logged(["apt-get", "update", "-q"], log, environment)
    packages = missing_packages(commands)  # only now does apt know what this suite calls them
    logged(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], log, environment)
    return packages


def logged(command: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command into a log file.

    Raises:
        MachineError: it failed; the text quotes the log's end.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(f"$ {' '.join(command)}\n".encode())
        file.flush()
        ended = subprocess.run(command, stdout=file, stderr=file, env=environment, check=False)
    if ended.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise MachineError(f"`{' '.join(command)}` ended with {ended.returncode}; {log} ends with:\n{tail}")


# ---------------------------------------------------------------------------
# Docker Engine and Swarm


@dataclass(frozen=True)
class Engine:
    """How Docker Engine came to answer: `found`, or started as a `unit` or a `process`."""

    how: str
    pid: int = 0

    @property
    def ours(self) -> bool:
        """Whether we started it."""
        return self.how != "found"


def engine_answers() -> bool:
    """Whether a Docker Engine answers on the default socket."""
    return answer("docker", "version", "--format", "{{.Server.Version}}", timeout=20).returncode == 0


def provide_engine(log: Path) -> tuple[Engine, list[str]]:
    """Make sure that Docker Engine answers; how it came to, and which packages were installed for it.

    Raises:
        MachineError: it does not, within 60 seconds.
    """
    if engine_answers():
        return Engine("found"), []
    packages = install_packages(COMMANDS, log)
    if packages and wait_until(engine_answers, seconds=10):
        return started_engine(), packages  # the package started it
    return _start_engine(log), packages


def started_engine() -> Engine:
    """The engine that answers now, taken as one of ours."""
    return Engine("unit") if Path("/run/systemd/system").is_dir() else Engine("process", running_dockerd())


def _start_engine(log: Path) -> Engine:
    if os.geteuid() != 0:
        raise MachineError("Docker Engine does not answer; start it, or run this as root")
    if Path("/run/systemd/system").is_dir():
        logged(["systemctl", "start", "docker"], log)
        engine = Engine("unit")
    else:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            process = subprocess.Popen(
                ["dockerd"], stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        engine = Engine("process", process.pid)
    if not wait_until(engine_answers, seconds=60):
        stop_engine(engine)
        raise MachineError(f"Docker Engine does not answer within 60 s; its log is {log}")
    return engine


def running_dockerd() -> int:
    """Process id that dockerd wrote down; 0 when there is none."""
    for path in (Path("/run/docker.pid"), Path("/var/run/docker.pid")):
        with contextlib.suppress(OSError, ValueError):
            pid = int(path.read_text())
            return pid if is_dockerd(pid) else 0
    return 0


def stop_engine(engine: Engine) -> None:
    """Stop what `start_engine` started; a found engine is left alone."""
    if engine.how == "unit":
        answer("systemctl", "stop", "docker.socket", "docker", timeout=90)
        return
    if engine.how != "process" or not is_dockerd(engine.pid):
        return
    os.kill(engine.pid, signal.SIGTERM)
    if not wait_until(lambda: not is_dockerd(engine.pid), seconds=60):
        os.kill(engine.pid, signal.SIGKILL)


def is_dockerd(pid: int) -> bool:
    """Whether this process id still belongs to a dockerd (ids are reused; zombies do not count)."""
    if pid:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # reap it if it was our child
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return status.startswith("Name:\tdockerd\n") and "\nState:\tZ" not in status


def swarm_state() -> str:
    """`active`, `inactive` …, as the engine says; empty when it does not answer."""
    return answer("docker", "info", "--format", "{{.Swarm.LocalNodeState}}").stdout.strip()


def create_swarm() -> bool:
    """Make this host a Swarm of one if it is in none; True when it was created.

    Raises:
        MachineError: the engine refuses.
    """
    if swarm_state() != "inactive":
        return False
    ended = answer("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
    if ended.returncode:
        raise MachineError(f"cannot create a Swarm: {ended.stderr.strip()}")
    return True


def leave_swarm() -> None:
    """Leave the Swarm and remove the bridge network that Docker leaves behind."""
    answer("docker", "swarm", "leave", "--force", timeout=60)
    forget_swarm()


def forget_swarm() -> None:
    """Remove the bridge network that Docker leaves behind after a Swarm."""
    wait_until(
        lambda: (
            answer("docker", "network", "rm", "docker_gwbridge").returncode == 0
            or "not found" in answer("docker", "network", "inspect", "docker_gwbridge").stderr.lower()
            or "no such network" in answer("docker", "network", "inspect", "docker_gwbridge").stderr.lower()
        ),
        seconds=10,
    )


# ---------------------------------------------------------------------------
# What exists on the engine

KINDS = {
    "container": ("container", "ls", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}"),
    "network": ("network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"),
    "volume": ("volume", "ls", "--format", "{{.Name}} {{.Name}}"),
}
SWARM_KINDS = {
    kind: (kind, "ls", "--format", "{{.ID}} {{.Name}}") for kind in ("service", "secret", "config")
}


def objects() -> dict[tuple[str, str], str]:
    """Every container, network, volume, service, secret and config: (kind, id) → name."""
    kinds = KINDS | (SWARM_KINDS if swarm_state() == "active" else {})
    found = {}
    for kind, command in kinds.items():
        for line in answer("docker", *command).stdout.splitlines():
            identity, _, name = line.partition(" ")
            found[kind, identity] = name
    return found


# ---------------------------------------------------------------------------
# Python


def make_venv(directory: Path, lock: Path, log: Path) -> Path:
    """A venv with exactly the locked packages; its interpreter's path. Made once per lock file.

    Raises:
        MachineError: it cannot be made.
    """
    python = directory / "bin" / "python"
    stamp = directory / "installed-from"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    wanted = f"{version} {hashlib.sha256(lock.read_bytes()).hexdigest()} {directory}"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(directory, ignore_errors=True)
    logged([sys.executable, "-m", "venv", str(directory)], log)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    logged([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(lock)], log)
    stamp.write_text(wanted)
    return python


# ---------------------------------------------------------------------------
# Processes


def become_subreaper() -> None:
    """Adopt orphaned descendants, so that nothing we started can hide from `descendants`."""
    import ctypes  # noqa: PLC0415 - only here

    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def descendants(*, without: Iterable[int] = ()) -> dict[int, str]:
    """Living processes below this one: id → command line. Trees in `without` are left out."""
    skipped = set(without)
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: dict[int, str] = {}
    queue = [os.getpid()]
    while queue:
        for pid in children.get(queue.pop(), []):
            if pid not in skipped:
                queue.append(pid)
                found[pid] = _command_line(pid)
    return {pid: line for pid, line in found.items() if line}


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def read_json(path: Path) -> dict[str, object]:
    """A JSON object from a file; empty when there is none or it is damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
