"""An instance of its own for the benchmarks, driven by instancectl's commands, gone afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "bench.localhost"
STACK = "bench-localhost"
HTTP_PORT, HTTPS_PORT = 28080, 28443
OWNER = f"admin@{DOMAIN}"


class BenchmarkError(Exception):
    """A figure cannot be measured; the text says why."""


def seconds_of(work: Callable[[], object], times: int = 1) -> float:
    """The best of some runs, in seconds: what disturbs only ever adds."""
    best = float("inf")
    for _ in range(times):
        started = time.monotonic()
        work()
        best = min(best, time.monotonic() - started)
    return best


def run(*command: str, check: bool = True, stdin: str | None = None) -> str:
    """Run a command and return what it said on stdout.

    Raises:
        BenchmarkError: it failed.
    """
    ended = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
    )  # fmt: skip
    if check and ended.returncode:
        raise BenchmarkError(
            f"`{' '.join(command)}` ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        )
    return ended.stdout


def docker(*words: str, check: bool = True) -> str:
    """Run the docker command."""
    return run("docker", *words, check=check)


def wait_until(true: Callable[[], bool], what: str, seconds: float = 300) -> None:
    """Poll five times a second.

    Raises:
        BenchmarkError: it does not become true in time.
    """
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)


class Instance:
    """The instance under test."""

    def __init__(self, directory: Path) -> None:
        """Nothing is deployed yet."""
        self.directory = directory
        self.password = ""

    def ctl(self, *words: str) -> str:
        """Run instancectl for this instance."""
        return run(sys.executable, "-m", "instancectl", "--config", str(self.directory), *words)

    def init(self) -> None:
        """Settings with the testbed's images and ports that are surely free."""
        images = json.loads(run(sys.executable, "tests/testbed/build.py", "--default", "--json"))
        settings = {f"images.{key}": image for key, image in images.items()}
        settings |= {"proxy.http_port": HTTP_PORT, "proxy.https_port": HTTPS_PORT}
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        self.ctl("init", "--local", "--domain", DOMAIN, "--directory", str(self.directory), *words)

    def deploy(self) -> dict[str, Any]:
        """Deploy; the result's data."""
        data: dict[str, Any] = json.loads(self.ctl("deploy", "--yes", "--json"))["data"]
        self.password = data.get("owner", {}).get("password") or self.password
        return data

    def destroy(self) -> None:
        """Remove everything of it."""
        self.ctl("destroy", f"--confirm={DOMAIN}", "--yes")

    def set(self, section: str, key: str, value: object) -> None:
        """Write one setting into the file, as an admin would."""
        file, kept, inside = self.directory / "instance.toml", [], False
        for line in file.read_text().splitlines():
            if line.startswith("["):
                inside = line == f"[{section}]"
            # Other sections have settings of the same name.
            if not (inside and line.startswith(f"{key} = ")):
                kept.append(line)
            if line == f"[{section}]":
                kept.append(f"{key} = {value}")
        if f"[{section}]" not in kept:
            kept += ["", f"[{section}]", f"{key} = {value}"]
        file.write_text("\n".join(kept) + "\n")

    def container(self, service: str) -> str:
        """Id of a running replica.

        Raises:
            BenchmarkError: none runs.
        """
        found = docker(
            "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={STACK}_{service}"
        ).split()
        if not found:
            raise BenchmarkError(f"no replica of {service} runs")
        return found[0]

    def converged(self, but: Sequence[str] = ()) -> bool:
        """Whether every service has all its replicas, and every replica is healthy."""
        rows = docker("service", "ls", "--filter", f"name={STACK}_", "--format", "{{.Name}} {{.Replicas}}")
        names = {line.split()[0]: line.split()[1] for line in rows.splitlines()}
        return bool(names) and all(
            have.split("/")[0] == have.split("/")[1] for name, have in names.items() if name not in but
        )


@contextlib.contextmanager
def instance() -> Iterator[Instance]:
    """An instance that is surely gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="instancectl-bench-") as directory:
        made = Instance(Path(directory))
        made.init()
        # What is compared with ours finds a Swarm, too: it must be there before either.
        own_swarm = docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() != "active"
        if own_swarm:
            docker("swarm", "init", "--advertise-addr", "127.0.0.1")
        try:
            yield made
        finally:
            made.destroy()
            if own_swarm:
                docker("swarm", "leave", "--force")
