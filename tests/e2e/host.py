"""One instance on this machine's Swarm, handled as its admin would: by the command line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "e2e.localhost"
STACK = "e2e-localhost"
NAMESPACE = f"label=com.docker.stack.namespace={STACK}"
T = TypeVar("T")


def docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=300)
    assert not check or done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def lines(*words: str) -> list[str]:
    """What docker lists, one name a line."""
    return docker(*words).split()


def eventually(what: Callable[[], T], *, seconds: float = 60, pause: float = 0.3) -> T:
    """The first true value of `what`."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < deadline, f"still {value!r} after {seconds} s"
        time.sleep(pause)


def free_port() -> int:
    """A port that nobody listens on, TCP and UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("0.0.0.0", 0))  # noqa: S104 - as the proxy will
            port = tcp.getsockname()[1]
            try:
                udp.bind(("0.0.0.0", port))  # noqa: S104
            except OSError:
                continue
            return int(port)


@dataclass(frozen=True)
class Run:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed."""
        return json.loads(self.out)


@dataclass
class Instance:
    """A directory with `instance.toml` and what became of it."""

    directory: Path
    images: Mapping[str, str]
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    password: str = ""
    kills: list[str] = field(default_factory=list)
    prefix: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    # ---- the command line

    def environment(self, **further: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("INSTANCECTL_")}
        return {**kept, "NO_COLOR": "1", "TERM": "dumb", **self.variables, **further}

    def words(self, *words: str) -> list[str]:
        return [*self.prefix, sys.executable, "-m", "instancectl", "--config", str(self.directory), *words]

    def cli(self, *words: str, expect: int | None = 0, stdin: str = "", **environment: str) -> Run:
        """Run one command to its end."""
        done = subprocess.run(
            self.words(*words),
            cwd=ROOT, env=self.environment(**environment), input=stdin,
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        told = f"{' '.join(words)} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert expect is None or done.returncode == expect, told
        assert "Traceback" not in done.stderr, told
        return Run(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command and leave it running; Ctrl-C reaches it even where a background job ignores it."""
        return subprocess.Popen(
            ["env", "--default-signal=INT", *self.words(*words)],
            cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def configure(self, **changes: object) -> None:
        """Write `instance.toml` anew; `__` stands for the dot of a key. Secrets stay."""
        (self.directory / "instance.toml").unlink(missing_ok=True)
        settings = {
            "proxy.http_port": self.ports[0],
            "proxy.https_port": self.ports[1],
            "registrations.mode": "open",
            # Otherwise derived from the sizes of all services: changing one would restart PostgreSQL.
            "database.max_connections": 200,
            **{f"images.{key}": tag for key, tag in self.images.items()},
            **{key.replace("__", "."): value for key, value in changes.items()},
        }
        options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        done = subprocess.run(
            [sys.executable, "-m", "instancectl", "init", "--local", "--domain", DOMAIN, "--layout", "small",
             "--directory", str(self.directory), *options],
            cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    # ---- what it wrote

    def journal(self) -> list[dict[str, Any]]:
        path = self.directory / "state" / "journal.jsonl"
        found = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in found if line.endswith("}")]

    def secret_values(self) -> dict[str, str]:
        text = (self.directory / "secrets.env").read_text()
        pairs = (line.partition("=") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: value.strip("'\"") for name, _, value in pairs}

    # ---- what Docker has

    def tasks(self) -> dict[str, list[str]]:
        """Service → identifiers of its tasks that should run."""
        found = {}
        for name in lines("service", "ls", "--filter", NAMESPACE, "--format", "{{.Name}}"):
            wanted = ("--filter", "desired-state=running", "--format", "{{.ID}}", "--no-trunc")
            found[name.removeprefix(f"{STACK}_")] = sorted(lines("service", "ps", name, *wanted))
        return found

    def objects(self) -> dict[str, list[str]]:
        """Everything of the stack, by kind; networks and volumes by label."""
        found = {
            kind: sorted(lines(kind, "ls", "--filter", NAMESPACE, "--format", "{{.Name}}"))
            for kind in ("service", "network", "volume", "secret", "config")
        }
        found["container"] = sorted(lines("ps", "-a", "--filter", f"name={STACK}", "--format", "{{.Names}}"))
        return found

    def container(self, service: str) -> str:
        """The running container of a service."""
        label = f"label=com.docker.swarm.service.name={STACK}_{service}"
        return eventually(lambda: lines("ps", "-q", "--filter", label, "--filter", "health=healthy"))[0]

    def sql(self, query: str) -> str:
        psql = (
            "psql",
            "-h",
            "127.0.0.1",
            "-U",
            "mastodon",
            "-d",
            "mastodon_production",
            "-qtAX",
            "-c",
            query,
        )
        password = self.secret_values()["DB_PASS"]
        return docker("exec", "--env", f"PGPASSWORD={password}", self.container("db"), *psql)

    def redis(self, *words: str) -> str:
        login = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec redis-cli "$@"'
        return docker("exec", self.container("redis"), "sh", "-c", login, "sh", *words)

    # ---- being killed

    def kill_at_every_boundary(self, times: int = 2) -> Run:
        """Deploy; `kill -9` at each kind of boundary `times` times; then the run that ends by itself.

        The first kill at a boundary comes at once, the next at the start of a step a moment into it.
        After its end it comes at once again: in a moment, every service may have been made.
        """
        seen: dict[str, int] = {}
        while True:
            before = len(self.journal())
            run = self.start("--json", "deploy")
            for boundary in self._boundaries(run, before):
                seen[boundary] = seen.get(boundary, 0) + 1
                if seen[boundary] <= times:
                    time.sleep(0.7 if seen[boundary] > 1 and boundary.endswith("step-started") else 0)
                    self.kills.append(boundary)
                    with contextlib.suppress(ProcessLookupError):  # it may just have ended by itself
                        os.killpg(run.pid, signal.SIGKILL)
                    run.communicate()
                    break
            else:
                out, err = run.communicate()
                return Run(run.returncode, out, err)

    def _boundaries(self, run: subprocess.Popen[str], skip: int) -> Iterator[str]:
        """`kind event` of each step boundary of a running command, as soon as it is in the journal."""
        path, position = self.directory / "state" / "journal.jsonl", 0
        passed = 0
        while True:
            ended = run.poll() is not None
            text = path.read_bytes()[position:] if path.exists() else b""
            whole, _, _ = text.rpartition(b"\n")
            position += len(whole) + 1 if whole else 0
            for line in whole.splitlines():
                passed += 1
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError:  # the kill came in the middle of the line
                    continue
                if passed > skip and re.fullmatch(r"step-(started|done)", entry["event"]):
                    yield f"{entry['step']} {entry['event']}"
            if ended and not whole:
                return
            time.sleep(0.0005)
