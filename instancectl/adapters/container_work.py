"""Reads processor time and Puma of containers from the kernel, and sends Puma its signals.

`docker stats` takes more than a second and `docker kill` reaches only the first process of a container, which
is `tini` and ignores the two signals (measured on the official image). The kernel answers at once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from instancectl.errors import Unreachable
from instancectl.ports.workers import Puma

PORT = 3000
ESTABLISHED, LISTENING = "01", "0A"
"""States in `/proc/net/tcp`; of a listening socket the second queue counts who was not accepted yet."""

DEEP = 4
"""Generations below a container's first process in which Puma is looked for."""

BETWEEN_SECONDS = 0.2
"""Two equal signals at once are one: the kernel keeps no count of them."""

PROC = Path("/proc")
GROUPS = Path("/sys/fs/cgroup")


class ContainerWork:
    """See `ports.workers.Workers`."""

    def __init__(self, process_of: Callable[[str], int]) -> None:
        """`process_of` knows the first process of a container of this host; 0 when there is none."""
        self._process_of = process_of

    def processor_seconds(self, container_id: str) -> float | None:
        """By its control group, version 1 or 2."""
        process = self._process_of(container_id)
        return _used(process) if process else None

    def processor(self) -> tuple[float, float]:
        """From `/proc/stat`: waiting for disks is not work."""
        ticks = [int(word) for word in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        scale = os.sysconf("SC_CLK_TCK")
        idle = ticks[3] + ticks[4]
        return (sum(ticks) - idle) / scale, sum(ticks) / scale

    def puma(self, container_id: str) -> Puma | None:
        """Its master's children, and who is connected to its port."""
        first = self._process_of(container_id)
        master = _master(first) if first else 0
        if not master:
            return None
        try:
            connections, waiting = _connections(master)
        except (OSError, ValueError, IndexError):
            return None
        return Puma(len(_children(master)), connections, waiting)

    def change_puma(self, container_id: str, by: int) -> None:
        """TTIN adds a process, TTOU takes one."""
        first = self._process_of(container_id)
        master = _master(first) if first else 0
        try:
            for number in range(abs(by)):
                if number:
                    time.sleep(BETWEEN_SECONDS)
                os.kill(master or _gone(), signal.SIGTTIN if by > 0 else signal.SIGTTOU)
        except ProcessLookupError:
            _gone()


def _gone() -> int:
    raise Unreachable("no Puma runs in this container", subject="web")


def _children(process: int) -> list[int]:
    try:
        return [int(word) for word in (PROC / f"{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _below(process: int, depth: int) -> Iterator[int]:
    yield process
    if depth:
        for child in _children(process):
            yield from _below(child, depth - 1)


def _master(first: int) -> int:
    """Puma names itself: `puma 8.0.2 (tcp://…) [mastodon]`, its children `puma: cluster worker …`."""
    for process in _below(first, DEEP):
        try:
            title = (PROC / f"{process}/cmdline").read_bytes()
        except OSError:
            continue
        if title.startswith(b"puma "):
            return process
    return 0


def _connections(process: int) -> tuple[int, int]:
    """Connections to Puma's port, and those that wait to be accepted, IPv4 and IPv6."""
    established = waiting = 0
    for name in ("tcp", "tcp6"):
        for line in (PROC / f"{process}/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, queues, *_ = line.split()
            if int(local.rpartition(":")[2], 16) != PORT:
                continue
            established += state == ESTABLISHED
            if state == LISTENING:
                waiting += int(queues.partition(":")[2], 16)
    return established, waiting


def _used(process: int) -> float | None:
    try:
        groups = [line.split(":", 2) for line in (PROC / f"{process}/cgroup").read_text().splitlines()]
    except OSError:
        return None
    for _, controllers, path in groups:
        if "cpuacct" in controllers.split(","):
            return _number(GROUPS / controllers / path.lstrip("/") / "cpuacct.usage", 1e9)
    unified = next((path for _, controllers, path in groups if not controllers), None)
    return None if unified is None else _unified(GROUPS / unified.lstrip("/") / "cpu.stat")


def _unified(path: Path) -> float | None:
    try:
        stat = dict(line.split(" ", 1) for line in path.read_text().splitlines())
        return int(stat["usage_usec"]) / 1e6
    except (OSError, ValueError, KeyError):
        return None


def _number(path: Path, scale: float) -> float | None:
    try:
        return int(path.read_text()) / scale
    except (OSError, ValueError):
        return None
