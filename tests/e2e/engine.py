"""A Docker Engine of our own that may be killed: own network namespace, own data, own socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.host import docker, eventually

NEEDED = ("dockerd", "containerd", "unshare", "nsenter", "ip")


def possible() -> bool:
    """Whether this machine and user can run one."""
    return os.geteuid() == 0 and all(shutil.which(name) for name in NEEDED)


@dataclass
class Engine:
    """Starts, is killed, starts again with the same data; `close` leaves nothing."""

    directory: Path
    process: subprocess.Popen[bytes] | None = None
    containerd: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix://{self.directory}/docker.sock"

    @property
    def prefix(self) -> tuple[str, ...]:
        """Puts a command into the Engine's network namespace, where its published ports are."""
        return ("nsenter", f"--net={self.directory}/network")

    def start(self) -> None:
        """Start and wait until it answers and its Swarm, if it had one, is back."""
        if self.containerd is None:
            self._prepare()
        where = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "containerd": "containerd.sock"}
        self.process = self._run(
            "dockerd", "--host", self.address, "--bridge=none", "--iptables=false", "--ip6tables=false",
            "--shutdown-timeout=1",
            *(f"--{key}={self.directory}/{name}" for key, name in where.items()),
        )  # fmt: skip
        eventually(
            lambda: self.docker("info", "--format", "{{.Swarm.LocalNodeState}}") in {"inactive", "active"}
        )

    def _prepare(self) -> None:
        """A network namespace, and a containerd that outlives the Engine, as on any host."""
        network = self.directory / "network"
        network.touch()
        make = f"ip link set lo up && mount --bind /proc/self/ns/net {network}"
        subprocess.run(["unshare", "--net", "sh", "-c", make], check=True)
        where = {"root": "containerd", "state": "containerd-state", "address": "containerd.sock"}
        self.containerd = self._run(
            "containerd", *(f"--{key}={self.directory}/{name}" for key, name in where.items())
        )
        eventually((self.directory / "containerd.sock").exists)

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [*self.prefix, *words], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def docker(self, *words: str) -> str:
        """What it answers; an empty string when it does not."""
        return docker("--host", self.address, *words, check=False)

    def load(self, *images: str) -> None:
        """Copy images from this machine's Engine."""
        load = ["docker", "--host", self.address, "load", "--quiet"]
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            subprocess.run(load, stdin=saved.stdout, check=True)

    def kill(self) -> None:
        """`kill -9`: its containers run on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        (self.directory / "pid").unlink(missing_ok=True)

    def close(self) -> None:
        """Stop everything it runs, end it, remove its data."""
        self.docker("swarm", "leave", "--force")
        for process in (self.process, self.containerd):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)
        self._end_what_is_left()
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for path in sorted((path for path in mounted if path.startswith(f"{self.directory}/")), reverse=True):
            subprocess.run(["umount", "--lazy", path], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end_what_is_left(self) -> None:
        """Shims of containers that an Engine forgot when it was killed."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                mine = (
                    str(self.directory).encode() in path.read_bytes() and b"containerd" in path.read_bytes()
                )
            except OSError:
                continue
            if mine:
                os.kill(int(path.parent.name), signal.SIGKILL)
        time.sleep(0.5)
