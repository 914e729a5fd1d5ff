"""One stack as a resident process looks at it: short deadlines, few questions, process identifiers.

A few plain requests on the Engine's socket: Docker's SDK takes a quarter of the memory an agent may use.
The socket is a local one in any case, because the containers' networks are entered from here.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from instancectl.core.monitoring.sight import MemoryUse, Replica, Sight
from instancectl.core.observed import node_of
from instancectl.errors import OperationFailed, Unreachable

Json = dict[str, Any]

NAMESPACE = "com.docker.stack.namespace"
SOCKET = "/var/run/docker.sock"
LOCAL = "unix://"
TIMEOUT_SECONDS = 3.0
"""For one call to the Engine; the last look serves until the next one succeeds."""

UNLIMITED_BYTES = 1 << 60
"""The kernel says "no limit" by a number beyond this, or by a word."""


class ResidentStack:
    """See `ports.stack_sight.StackSight`; also names the processes whose networks may be entered."""

    def __init__(self, stack: str) -> None:
        """Connects on first use."""
        self._stack = stack
        self.engine = _Engine()
        self._lock = threading.Lock()
        self._last: Sight | None = None
        self._processes: dict[str, int] = {}
        self._node, self._directory = "", Sight().docker_directory

    def look(self) -> Sight:
        """Services and replicas as they are now."""
        with self._lock:
            sight = self._look()
            here = [one.container_id for one in sight.replicas if one.here and one.container_id]
            known = {one: pid for one, pid in self._processes.items() if one in here and _lives(pid)}
            for container_id in here:
                if container_id not in known:
                    known[container_id] = self._inspect(container_id)
            # Replaced, never changed: a scrape reads them without waiting for Docker.
            self._last, self._processes = sight, known
            return sight

    def entrance(self, *services: str) -> Callable[[], int]:
        """The main process of a replica on this host, of the first of these services that has one."""

        def process() -> int:
            found = self._process_of(services)
            if not found:
                self.look()
                found = self._process_of(services)
            if not found:
                raise Unreachable(f"no replica of `{services[0]}` runs on this host", subject=services[0])
            return found

        return process

    def memory(self, container_id: str) -> MemoryUse | None:
        """By the kernel's own files: Docker's statistics take more than a second."""
        process = self._processes.get(container_id, 0)
        return _memory(process) if process else None

    def process(self, container_id: str) -> int:
        """The first process of a container that the last look saw on this host; 0 when there is none."""
        found = self._processes.get(container_id, 0)
        return found if found and _lives(found) else 0

    def _process_of(self, services: tuple[str, ...]) -> int:
        sight, processes = self._last or Sight(), self._processes
        for service in services:
            for replica in sight.of(service):
                process = processes.get(replica.container_id, 0)
                if process and _lives(process):
                    return process
        return 0

    def _inspect(self, container_id: str) -> int:
        """Its main process; 0 when it has none."""
        found = self.engine.get(f"/containers/{container_id}/json")
        return int(found["State"].get("Pid") or 0) if found else 0

    def _look(self) -> Sight:
        mine = {"label": [f"{NAMESPACE}={self._stack}"]}
        known = self.engine.get("/services", mine) or ()
        services = {
            one["ID"]: (one["Spec"]["Name"].removeprefix(f"{self._stack}_"), _wanted(one)) for one in known
        }
        running = {**mine, "desired-state": ["running"]}
        tasks = self.engine.get("/tasks", running) or () if services else ()
        if tasks and not self._node:
            info = self.engine.get("/info")
            self._node, self._directory = info["Swarm"]["NodeID"], info["DockerRootDir"]
        found = [
            self._replica(task, services[task["ServiceID"]][0])
            for task in tasks
            if task["ServiceID"] in services
        ]
        found.sort(key=lambda one: (one.service, one.slot, one.container_id))
        nodes = (node_of(raw) for raw in self.engine.get("/nodes") or ())
        return Sight(
            dict(services.values()),
            tuple(found),
            self._directory,
            _updating(self._stack, known),
            tuple(sorted(nodes, key=lambda one: (one.name, one.id))),
            self._node,
            {services[one["ID"]][0]: _constraints(one) for one in known},
        )

    def _replica(self, task: Json, service: str) -> Replica:
        status = task.get("Status") or {}
        return Replica(
            service=service,
            slot=task.get("Slot", 0),
            container_id=(status.get("ContainerStatus") or {}).get("ContainerID", ""),
            addresses=dict(_addresses(self._stack, task)),
            runs=status.get("State") == "running",
            here=task.get("NodeID", "") == self._node,
            node_id=task.get("NodeID", ""),
        )


class _Engine:
    """Requests on the Engine's socket."""

    def __init__(self) -> None:
        self._version = ""

    def get(self, path: str, filters: Json | None = None) -> Any:
        """The answer; None where there is no such thing, or no Swarm to ask."""
        query = f"?filters={quote(json.dumps(filters))}" if filters else ""
        return self._asked("GET", self._path(f"{path}{query}"))

    def post(self, path: str, body: Json | None = None, *, seconds: float = TIMEOUT_SECONDS) -> Any:
        """Have it change something; None where there is no such thing."""
        return self._asked("POST", self._path(path), body, seconds)

    def _path(self, path: str) -> str:
        if not self._version:
            self._version = str(self._asked("GET", "/version")["ApiVersion"])
        return f"/v{self._version}{path}"

    def _asked(
        self, method: str, path: str, body: Json | None = None, seconds: float = TIMEOUT_SECONDS
    ) -> Any:
        try:
            status, answer = _call(method, path, body, seconds)
        except (OSError, http.client.HTTPException) as error:
            self._version = ""  # another Engine may answer next time
            raise Unreachable(
                "cannot reach the Docker Engine",
                hint="is Docker running? try `systemctl start docker`, then `docker info`",
                subject="docker",
            ) from error
        if status in {404, 503}:
            return None
        found = json.loads(answer) if answer else {}
        if status >= 400:
            words = f"the Docker Engine refused: {found.get('message', status)}"
            if method == "GET":
                raise Unreachable(words, subject="docker")
            raise OperationFailed(words, subject="docker")
        return found


def _call(method: str, path: str, body: Json | None, seconds: float) -> tuple[int, bytes]:
    address = os.environ.get("DOCKER_HOST", LOCAL + SOCKET)
    if not address.startswith(LOCAL):
        raise Unreachable(
            f"cannot watch an Engine at `{address}`: its containers' networks are entered from this host",
            hint="run it on the host itself, without DOCKER_HOST",
            subject="docker",
        )
    connection = http.client.HTTPConnection("docker", timeout=seconds)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.settimeout(seconds)
        connection.sock.connect(address.removeprefix(LOCAL))
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _lives(process: int) -> bool:
    return process > 0 and Path(f"/proc/{process}").exists()


def _updating(stack: str, services: Iterable[Json]) -> tuple[str, ...]:
    """Services that Swarm is replacing right now, or taking back."""
    found = (
        one["Spec"]["Name"].removeprefix(f"{stack}_")
        for one in services
        if (one.get("UpdateStatus") or {}).get("State") in {"updating", "rollback_started"}
    )
    return tuple(sorted(found))


def _wanted(service: Json) -> int:
    return int(((service["Spec"].get("Mode") or {}).get("Replicated") or {}).get("Replicas") or 0)


def _constraints(service: Json) -> tuple[str, ...]:
    placement = (service["Spec"].get("TaskTemplate") or {}).get("Placement") or {}
    return tuple(placement.get("Constraints") or ())


def _addresses(stack: str, task: Json) -> list[tuple[str, str]]:
    found = []
    for attachment in task.get("NetworksAttachments") or ():
        name = ((attachment.get("Network") or {}).get("Spec") or {}).get("Name", "")
        addresses = attachment.get("Addresses") or ()
        if addresses:
            found.append((name.removeprefix(f"{stack}_"), addresses[0].partition("/")[0]))
    return found


def _memory(process: int) -> MemoryUse | None:
    """From control groups, version 2 or 1."""
    try:
        groups = Path(f"/proc/{process}/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return _memory_of(Path(f"/sys/fs/cgroup/memory{path}"), "memory.usage_in_bytes",
                              "memory.limit_in_bytes", "total_inactive_file")  # fmt: skip
    unified = next((line.split(":", 2)[2] for line in groups if line.startswith("0::")), None)
    if unified is None:
        return None
    return _memory_of(Path(f"/sys/fs/cgroup{unified}"), "memory.current", "memory.max", "inactive_file")


def _memory_of(group: Path, used: str, limit: str, reclaimable: str) -> MemoryUse | None:
    try:
        total = int((group / used).read_text())
        most = (group / limit).read_text().strip()
        stat = dict(line.split(" ", 1) for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    bound = int(most) if most.isdigit() else 0
    free = int(stat.get(reclaimable, 0))
    return MemoryUse(max(0, total - free), 0 if bound >= UNLIMITED_BYTES else bound)
