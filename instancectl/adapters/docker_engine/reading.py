"""Reads the Engine API into our values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docker.errors import APIError, NotFound

from instancectl.adapters.docker_engine import spec
from instancectl.adapters.docker_engine.jobs import JOB_LABEL, STACK_LABEL
from instancectl.adapters.docker_engine.spec import NAMESPACE, Json
from instancectl.core.observed import Engine, Node, Observed, Placed, ServiceState, Task, node_of

if TYPE_CHECKING:
    from docker import APIClient

LOG_TAIL = 8
"""Last lines of a broken replica's log that an error shows."""


def engine(api: APIClient) -> Engine:
    """The Engine on this host; node labels only where it is a manager."""
    info = api.info()
    swarm = info.get("Swarm") or {}
    manager = bool(swarm.get("ControlAvailable"))
    node = api.inspect_node(swarm["NodeID"]) if manager else {}
    return Engine(
        version=info.get("ServerVersion", ""),
        api_version=str(api.api_version),
        swarm=swarm.get("LocalNodeState", "inactive"),
        is_manager=manager,
        node_id=swarm.get("NodeID", ""),
        node_labels=(node.get("Spec") or {}).get("Labels") or {},
        cores=info.get("NCPU", 0),
        memory_bytes=info.get("MemTotal", 0),
        root_directory=info.get("DockerRootDir", "/var/lib/docker"),
    )


def observe(api: APIClient, stack: str) -> Observed:
    """Everything of one stack; a host without a Swarm has no services, networks, secrets or configs."""
    found = engine(api)
    mine = {"label": f"{NAMESPACE}={stack}"}
    volumes = frozenset(_short(stack, v["Name"]) for v in api.volumes(filters=mine).get("Volumes") or ())
    jobs = {
        c["Labels"][JOB_LABEL]: c["State"]
        for c in api.containers(all=True, filters={"label": f"{STACK_LABEL}={stack}"})
        if JOB_LABEL in c["Labels"]
    }
    if not found.is_manager:
        return Observed(found, volumes=volumes, jobs=jobs)
    networks = api.networks(filters=mine)
    names = {network["Id"]: network["Name"] for network in networks}
    tasks, services = api.tasks(filters=mine), api.services(filters=mine)
    attached = {**names, **_foreign(api, services, names)}
    return Observed(
        engine=found,
        services={
            state.spec.name: state for state in (_service(stack, raw, tasks, attached) for raw in services)
        },
        networks=frozenset(_short(stack, name) for name in names.values()),
        volumes=volumes,
        secrets=frozenset(item["Spec"]["Name"] for item in api.secrets(filters=mine)),
        configs=frozenset(item["Spec"]["Name"] for item in api.configs(filters=mine)),
        jobs=jobs,
        nodes=nodes(api),
    )


def nodes(api: APIClient) -> tuple[Node, ...]:
    """The hosts of the Swarm, sorted by name; asked of a manager."""
    return tuple(sorted((node_of(raw) for raw in api.nodes()), key=lambda one: (one.name, one.id)))


def placed(api: APIClient) -> tuple[Placed, ...]:
    """Replicas that run or should run, of every stack."""
    names = {raw["ID"]: raw["Spec"]["Name"] for raw in api.services()}
    return tuple(
        Placed(
            names[raw["ServiceID"]],
            raw.get("NodeID", ""),
            (raw.get("Status") or {}).get("State", ""),
            raw.get("DesiredState", ""),
        )
        for raw in api.tasks()
        if raw.get("ServiceID") in names and _lives(raw)
    )


def _lives(raw: Json) -> bool:
    ended = {"complete", "failed", "shutdown", "rejected", "orphaned", "remove"}
    return raw.get("DesiredState") == "running" or (raw.get("Status") or {}).get("State") not in ended


def service(api: APIClient, stack: str, name: str) -> ServiceState | None:
    """One service with its tasks, or None."""
    try:
        raw = api.inspect_service(f"{stack}_{name}")
    except NotFound:
        return None
    networks = {item["Id"]: item["Name"] for item in api.networks(filters={"label": f"{NAMESPACE}={stack}"})}
    networks |= _foreign(api, [raw], networks)
    return _service(stack, raw, api.tasks(filters={"service": f"{stack}_{name}"}), networks)


def _foreign(api: APIClient, services: list[Json], known: dict[str, str]) -> dict[str, str]:
    """Networks that services use and the stack does not own: Swarm has its own identifier for `host`."""
    targets = {
        item["Target"]
        for raw in services
        for item in raw["Spec"]["TaskTemplate"].get("Networks") or ()
        if item["Target"] not in known
    }
    found = {}
    for target in targets:
        try:
            found[target] = str(api.inspect_network(target)["Name"])
        except NotFound:
            continue
    return found


def _service(stack: str, raw: Json, tasks: list[Json], networks: dict[str, str]) -> ServiceState:
    update = raw.get("UpdateStatus") or {}
    mine = [task for task in tasks if task["ServiceID"] == raw["ID"]]
    mine.sort(key=lambda task: task["CreatedAt"], reverse=True)
    return ServiceState(
        id=raw["ID"],
        spec=spec.read(stack, raw["Spec"], networks),
        update_state=update.get("State", ""),
        update_message=update.get("Message", ""),
        tasks=tuple(_task(task, raw["Spec"]) for task in mine),
        version=raw["Version"]["Index"],
    )


def _task(raw: Json, wanted: Json) -> Task:
    status = raw.get("Status") or {}
    container = status.get("ContainerStatus") or {}
    return Task(
        id=raw["ID"],
        slot=raw.get("Slot", 0),
        state=status.get("State", ""),
        wanted=raw.get("DesiredState", ""),
        image=raw["Spec"]["ContainerSpec"]["Image"],
        container_id=container.get("ContainerID", ""),
        node_id=raw.get("NodeID", ""),
        message=status.get("Message", ""),
        error=status.get("Err", ""),
        exit_code=container.get("ExitCode"),
        created_at=raw.get("CreatedAt", ""),
        matches_spec=_replaced_for(raw["Spec"]) == _replaced_for(wanted["TaskTemplate"])
        and _published(status.get("PortStatus")) in {frozenset(), _published(wanted.get("EndpointSpec"))},
    )


def _replaced_for(template: Json) -> Json:
    """What Swarm replaces a replica for; where it may run does not matter as long as it may run there."""
    return {key: value for key, value in template.items() if key not in {"Runtime", "Placement"}}


def _published(found: Json | None) -> frozenset[tuple[int, int, str]]:
    """Host ports: (published, target, protocol); none before a replica runs."""
    ports = (found or {}).get("Ports") or ()
    return frozenset((port["PublishedPort"], port["TargetPort"], port["Protocol"]) for port in ports)


def describe_unhealthy(api: APIClient, stack: str, name: str) -> str:
    """The newest failed replica's error, exit code and last output, on one or more lines."""
    state = service(api, stack, name)
    if state is None:
        return "the service does not exist"
    failed = next((task for task in state.tasks if task.error or task.state in {"failed", "rejected"}), None)
    task = failed or next(iter(state.tasks), None)
    if task is None:
        return "no replica was ever started"
    said = task.error or task.message
    code = f", exit code {task.exit_code}" if task.exit_code else ""
    return "\n".join([f"{task.state}: {said}{code}", *(f"  | {line}" for line in _tail(api, task))])


def _tail(api: APIClient, task: Task) -> list[str]:
    if not task.container_id:
        return []
    try:
        output = api.logs(task.container_id, tail=LOG_TAIL, stdout=True, stderr=True)
    except APIError:
        return []
    text: str = output.decode(errors="replace")
    return [line for line in text.splitlines() if line.strip()]


def with_digest(reference: str, digests: list[str]) -> str:
    """`name:tag@sha256:…` when the image came from a registry, else the reference as it is."""
    if "@" in reference:
        return reference
    name = reference.rpartition(":")[0] if ":" in reference.rpartition("/")[2] else reference
    short = name.removeprefix("docker.io/").removeprefix("library/")
    for digest in digests:
        known, _, value = digest.partition("@")
        if known in {name, short} and value:
            return f"{reference}@{value}"
    return reference


def _short(stack: str, name: str) -> str:
    return name.removeprefix(f"{stack}_")
