"""What the Engine showed of one stack; what could not be seen is absent, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instancectl.core.service import ServiceSpec


@dataclass(frozen=True, slots=True)
class Engine:
    """One Docker Engine.

    Attributes:
        swarm: `active`, `inactive`, `pending`, `error` or `locked`.
        memory_bytes: the machine's memory.
        root_directory: where the Engine keeps images and volumes.
    """

    version: str
    api_version: str
    swarm: str
    is_manager: bool
    node_id: str
    node_labels: Mapping[str, str]
    cores: int
    memory_bytes: int
    root_directory: str = "/var/lib/docker"


@dataclass(frozen=True, slots=True)
class Node:
    """One host of the Swarm, as its managers see it.

    Attributes:
        name: the host's name.
        address: where the others reach it.
        state: `ready`, `down`, `disconnected` or `unknown`.
        availability: `active`, `drain` or `pause`.
        manager_address: `ADDRESS:PORT` of its manager; empty for a worker.
        memory_bytes: the machine's memory.
    """

    id: str
    name: str
    address: str = ""
    state: str = "ready"
    availability: str = "active"
    manager_address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    engine_version: str = ""
    cores: int = 0
    memory_bytes: int = 0


def node_of(raw: Mapping[str, Any]) -> Node:
    """A node as the Engine's API describes it, whoever asked."""
    spec, described, status = raw.get("Spec") or {}, raw.get("Description") or {}, raw.get("Status") or {}
    resources = described.get("Resources") or {}
    return Node(
        id=raw["ID"],
        name=described.get("Hostname", ""),
        address=status.get("Addr", ""),
        state=status.get("State", "unknown"),
        availability=spec.get("Availability", "active"),
        manager_address=(raw.get("ManagerStatus") or {}).get("Addr", ""),
        labels=spec.get("Labels") or {},
        engine_version=(described.get("Engine") or {}).get("EngineVersion", ""),
        cores=resources.get("NanoCPUs", 0) // 1_000_000_000,
        memory_bytes=resources.get("MemoryBytes", 0),
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """A replica that runs or should run, and where; `service` carries its stack's prefix."""

    service: str
    node_id: str
    state: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Task:
    """One replica's current or past container.

    Attributes:
        state: Swarm's word: `running`, `starting`, `failed`, `shutdown`, ….
        wanted: `running` or `shutdown`.
        spec_version: of the service when the task was made; orders generations.
    """

    id: str
    slot: int
    state: str
    wanted: str
    image: str
    container_id: str = ""
    node_id: str = ""
    message: str = ""
    error: str = ""
    exit_code: int | None = None
    created_at: str = ""
    matches_spec: bool = True


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as it is.

    Attributes:
        update_state: Swarm's word for a running or past update: `updating`, `completed`, `paused`,
            `rollback_started`, `rollback_completed`, `rollback_paused`, or empty.
    """

    id: str
    spec: ServiceSpec
    update_state: str = ""
    update_message: str = ""
    tasks: tuple[Task, ...] = ()
    version: int = 0

    @property
    def running(self) -> int:
        """Replicas that serve (Swarm reports `running` only once the health check passed)."""
        return sum(1 for task in self.tasks if task.wanted == "running" and task.state == "running")

    @property
    def converged(self) -> bool:
        """Whether every replica of the current spec serves and no update is under way."""
        current = [task for task in self.tasks if task.wanted == "running"]
        settled = self.update_state in {"", "completed", "rollback_completed"}
        return (
            settled
            and len(current) == self.spec.replicas
            and all(task.state == "running" and task.matches_spec for task in current)
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """One stack as it is; names are without the stack's prefix except secrets and configs."""

    engine: Engine
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    configs: frozenset[str] = frozenset()
    jobs: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing of the stack exists."""
        return not (
            self.services or self.networks or self.volumes or self.secrets or self.configs or self.jobs
        )
