"""A Docker Engine and its Swarm in memory; passes the same contract as the real one.

    clock = FakeClock()
    swarm = FakeSwarm(clock)
    swarm.broken_images.add("web:2")             # replicas of it never get healthy
    swarm.outcomes["schema-fresh"] = [(1, "no")] # the next run of that job fails
    swarm.images["web:2"] = ""                   # on this host; a digest instead of "" came from a registry
    swarm.registry["db:17"] = "sha256:…"         # can be pulled
    swarm.down = True                            # the Engine does not answer

Replicas need the clock's time to start (see `swarm_services`); with a `Fuse` a run dies at any point.
Further hosts live in `swarm.hosts` (see `swarm_nodes`).
Every mutation is listed in `did`, e.g. `("create service", "web")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from instancectl.core.desired import Network, OneShot
from instancectl.core.observed import Engine, Observed, ServiceState
from instancectl.core.secrets import Secret
from instancectl.core.service import HOST_NETWORK, ServiceSpec
from instancectl.errors import OperationFailed, Unreachable
from tests.fakes.clock import FakeClock
from tests.fakes.fuse import Fuse
from tests.fakes.swarm_nodes import FakeNodes
from tests.fakes.swarm_services import FakeService

GIB = 1024**3


@dataclass
class FakeStack:
    """What one stack holds."""

    services: dict[str, FakeService] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    volumes: set[str] = field(default_factory=set)
    secrets: dict[str, Secret] = field(default_factory=dict)
    configs: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, tuple[OneShot, int, str]] = field(default_factory=dict)


class FakeSwarm:
    """See `ports.swarm.Swarm`."""

    def __init__(
        self, clock: FakeClock | None = None, fuse: Fuse | None = None, *, active: bool = True
    ) -> None:
        self.clock = clock or FakeClock()
        self.fuse = fuse or Fuse()
        self.down = False
        self.swarm = "active" if active else "inactive"
        self.cores, self.memory_bytes = 2, 8 * GIB
        self.hosts = FakeNodes()
        self.labels = self.hosts.first.labels
        self.stacks: dict[str, FakeStack] = {}
        self.images: dict[str, str] = {}
        self.registry: dict[str, str] = {}
        self.broken_images: set[str] = set()
        self.outcomes: dict[str, list[tuple[int, str]]] = {}
        self.work: Callable[[OneShot], tuple[int, str]] = _succeed
        self.answers: dict[tuple[str, ...], tuple[int, str]] = {}
        self.log_lines: dict[str, list[str]] = {}
        self.ran: list[OneShot] = []
        self.did: list[tuple[str, str]] = []

    def engine(self) -> Engine:
        self._reach()
        active = self.swarm == "active"
        labels = dict(self.labels) if active else {}
        return Engine(
            "20.10.24",
            "1.41",
            self.swarm,
            active,
            "node1" if active else "",
            labels,
            self.cores,
            self.memory_bytes,
        )

    def observe(self, stack: str) -> Observed:
        found = self._stack(stack)
        if self.swarm != "active":
            return Observed(
                self.engine(), volumes=frozenset(found.volumes), jobs=dict.fromkeys(found.jobs, "exited")
            )
        return Observed(
            engine=self.engine(),
            services={name: service.look(self.clock.now) for name, service in found.services.items()},
            networks=frozenset(found.networks),
            volumes=frozenset(found.volumes),
            secrets=frozenset(found.secrets),
            configs=frozenset(found.configs),
            jobs=dict.fromkeys(found.jobs, "exited"),
            nodes=self.hosts.all(),
        )

    def service(self, stack: str, name: str) -> ServiceState | None:
        found = self._stack(stack).services.get(name)
        return found.look(self.clock.now) if found else None

    def create_swarm(self, advertise_address: str) -> None:
        with self.doing("create swarm", advertise_address):
            if self.swarm == "active":
                raise OperationFailed("Docker refused to create swarm: this node is already part of a swarm")
            self.swarm = "active"

    def label_node(self, node_id: str, key: str, value: str) -> None:
        with self.doing("label node", key):
            self.hosts.get(node_id).labels[key] = value

    def unlabel_node(self, node_id: str, key: str) -> None:
        with self.doing("unlabel node", key):
            self.hosts.get(node_id).labels.pop(key, None)

    def create_network(self, stack: str, network: Network) -> None:
        with self.doing("create network", network.name):
            self._stack(stack).networks.setdefault(network.name, network)

    def create_volume(self, stack: str, name: str) -> None:
        with self.doing("create volume", name):
            self._stack(stack).volumes.add(name)

    def create_secret(self, stack: str, name: str, content: Secret) -> None:
        with self.doing("create secret", name):
            self._stack(stack).secrets.setdefault(name, content)

    def create_config(self, stack: str, name: str, content: str) -> None:
        with self.doing("create config", name):
            self._stack(stack).configs.setdefault(name, content)

    def create_service(self, stack: str, spec: ServiceSpec) -> None:
        with self.doing("create service", spec.name):
            found = self._stack(stack)
            self._check_references(stack, spec)
            if spec.name not in found.services:
                found.services[spec.name] = FakeService(spec, self.clock.now, self.broken_images, self.hosts)

    def update_service(self, stack: str, spec: ServiceSpec) -> None:
        with self.doing("update service", spec.name):
            self._check_references(stack, spec)
            self._stack(stack).services[spec.name].update(spec, self.clock.now)

    def _check_references(self, stack: str, spec: ServiceSpec) -> None:
        """Docker refuses a service whose network, secret or config is not there."""
        found = self._stack(stack)
        there = {*found.networks, HOST_NETWORK}
        missing = [link.network for link in spec.networks if link.network not in there]
        missing += [item.name for item in spec.secrets if item.name not in found.secrets]
        missing += [item.name for item in spec.configs if item.name not in found.configs]
        if missing:
            raise OperationFailed(
                f"Docker refused to create service: {missing[0]} not found", subject="docker"
            )

    def leave_if_idle(self) -> bool:
        if any(stack.services for stack in self.stacks.values()) or len(self.hosts.all()) > 1:
            return False
        with self.doing("leave swarm", ""):
            self.swarm = "inactive"
            self.labels.clear()
        return True

    def containers(self, stack: str) -> int:
        tasks = [task for service in self._stack(stack).services.values() for task in service.tasks]
        return sum(1 for task in tasks if task.wanted == "running")

    def remove(self, stack: str, kind: str, name: str) -> None:
        found = self._stack(stack)
        with self.doing(f"remove {kind}", name):
            self._refuse_used(found, kind, name)
            holders: Mapping[str, object] = {
                "service": found.services, "network": found.networks, "secret": found.secrets,
                "config": found.configs, "job": found.jobs,
            }  # fmt: skip
            if kind == "volume":
                found.volumes.discard(name)
                return
            holder = holders[kind]
            assert isinstance(holder, dict)
            holder.pop(name, None)

    def _refuse_used(self, found: FakeStack, kind: str, name: str) -> None:
        users = {
            "network": {link.network for s in found.services.values() for link in s.spec.networks},
            "secret": {item.name for s in found.services.values() for item in s.spec.secrets},
            "config": {item.name for s in found.services.values() for item in s.spec.configs},
            "volume": {mount.source for s in found.services.values() for mount in s.spec.mounts},
        }
        if name in users.get(kind, set()):
            raise OperationFailed(f"Docker refused to remove: {kind} {name} is in use", subject="docker")

    def resolve_image(self, reference: str, *, pull: bool) -> str | None:
        self._reach()
        if reference not in self.images:
            if not pull:
                return None
            if reference not in self.registry:
                raise Unreachable(
                    f"cannot pull the image `{reference}`",
                    hint=f"try `docker pull {reference}`",
                    subject=reference,
                )
            with self.doing("pull", reference):
                self.images[reference] = self.registry[reference]
        digest = self.images[reference]
        return f"{reference}@{digest}" if digest else reference

    def run_once(self, stack: str, job: OneShot) -> tuple[int, str]:
        """A container of its own: it runs on when the run that started it is killed."""
        found = self._stack(stack)
        left = found.jobs.get(job.name)
        if left and (left[0] != job or left[1] != 0):
            with self.doing("remove job", job.name):
                del found.jobs[job.name]
            left = None
        if not left:
            with self.doing("run job", job.name):
                self._check_networks(found, job)
                self.ran.append(job)
                scripted = self.outcomes.get(job.name)
                code, output = scripted.pop(0) if scripted else self.work(job)
                found.jobs[job.name] = (job, code, output)
        _, code, output = found.jobs[job.name]
        with self.doing("remove job", job.name):
            del found.jobs[job.name]
        return code, output

    def _check_networks(self, found: FakeStack, job: OneShot) -> None:
        for link in job.networks:
            if link.network not in found.networks:
                raise OperationFailed(f"Docker refused to run once: network {link.network} not found")

    def run_in(self, stack: str, service: str, argv: Sequence[str]) -> tuple[int, str]:
        state = self.service(stack, service)
        if state is None or not state.running:
            raise Unreachable(f"no replica of `{service}` runs on this host", subject=service)
        return self._interpret(argv)

    def run_image(self, image: str, argv: Sequence[str], *, network: str = "") -> tuple[int, str]:
        self._reach()
        if image not in self.images:
            raise OperationFailed(f"Docker refused to run image: no such image: {image}", subject="docker")
        return self._interpret(argv)

    def _interpret(self, argv: Sequence[str]) -> tuple[int, str]:
        if tuple(argv) in self.answers:
            return self.answers[tuple(argv)]
        if argv[0] == "echo":
            return 0, " ".join(argv[1:]) + "\n"
        return (1, "") if argv[0] == "false" else (0, "")

    def logs(self, stack: str, service: str, *, tail: int, follow: bool, since: int) -> Iterator[str]:
        self._reach()
        lines = self.log_lines.get(service, [])
        yield from lines[-tail:] if tail else lines

    def describe_unhealthy(self, stack: str, name: str) -> str:
        found = self.service(stack, name)
        if found is None:
            return "the service does not exist"
        task = next((task for task in found.tasks if task.error), found.tasks[0])
        code = f", exit code {task.exit_code}" if task.exit_code else ""
        return f"{task.state}: {task.error or task.message}{code}"

    def _stack(self, stack: str) -> FakeStack:
        self._reach()
        return self.stacks.setdefault(stack, FakeStack())

    def _reach(self) -> None:
        if self.down:
            raise Unreachable("cannot reach the Docker Engine", hint="is Docker running?", subject="docker")

    def doing(self, action: str, what: str) -> _Doing:
        self._reach()
        return _Doing(self, (action, what))


def _succeed(job: OneShot) -> tuple[int, str]:
    return 0, ""


class _Doing:
    """An effect between two points of the fuse; remembered once it has happened."""

    def __init__(self, swarm: FakeSwarm, what: tuple[str, str]) -> None:
        self._swarm, self._what = swarm, what

    def __enter__(self) -> None:
        self._swarm.fuse.point()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self._swarm.did.append(self._what)
            self._swarm.fuse.point()
