"""The `Swarm` port on a real Docker Engine: translates, decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils import kwargs_from_env

from instancectl.adapters.docker_engine import jobs, logs, reading, spec
from instancectl.adapters.docker_engine.spec import NAMESPACE, Json
from instancectl.core.desired import OVERLAY_MTU, Network, OneShot
from instancectl.core.observed import Engine, Observed, ServiceState
from instancectl.core.secrets import Secret
from instancectl.core.service import ServiceSpec
from instancectl.errors import OperationFailed, Unreachable

TIMEOUT_SECONDS = 60
"""For one API call; waiting for containers happens outside of calls."""

UPDATE_ATTEMPTS = 5

MTU_OPTION = "com.docker.network.driver.mtu"

SOCKET_HINT = "is Docker running? try `systemctl start docker`, then `docker info`"

P = ParamSpec("P")
R = TypeVar("R")
Method = Callable[Concatenate["DockerSwarm", P], R]


def translated(method: Method[P, R]) -> Method[P, R]:
    """Turn the SDK's exceptions into ours, with the cause chained."""

    @wraps(method)
    def call(self: DockerSwarm, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with translation(method.__name__):
            return method(self, *args, **kwargs)

    return call


@contextmanager
def translation(action: str) -> Iterator[None]:
    """Turn the SDK's exceptions into ours while doing `action`."""
    try:
        yield
    except APIError as error:
        raise _refusal(action, error) from error
    except (requests.exceptions.RequestException, DockerException, OSError) as error:
        raise Unreachable("cannot reach the Docker Engine", hint=SOCKET_HINT, subject="docker") from error


def _refusal(action: str, error: APIError) -> OperationFailed:
    said = " ".join(str(error.explanation or error).split())
    return OperationFailed(f"Docker refused to {action.replace('_', ' ')}: {said}", subject="docker")


def failure_in(event: Json) -> str:
    """What a line of progress says went wrong, or nothing: `error` is on its way out (API 1.48)."""
    return str((event.get("errorDetail") or {}).get("message") or event.get("error") or "")


class DockerSwarm:
    """See `ports.swarm.Swarm`. The connection is made on first use."""

    def __init__(self) -> None:
        """Use the Engine that DOCKER_HOST names, or the local socket."""
        self._client: docker.APIClient | None = None

    @property
    def api(self) -> docker.APIClient:
        """The SDK's low-level client.

        Raises:
            Unreachable: the Engine does not answer.
        """
        if self._client is None:
            self._client = self.connect(TIMEOUT_SECONDS)
        return self._client

    def connect(self, timeout_seconds: int | None) -> docker.APIClient:
        """A client of its own; None waits for ever.

        Raises:
            Unreachable: the Engine does not answer.
        """
        with translation("connect"):
            # The stubs do not know that None waits for ever.
            return docker.APIClient(version="auto", timeout=timeout_seconds, **kwargs_from_env())  # type: ignore[arg-type]

    @translated
    def engine(self) -> Engine:
        """The Engine on this host."""
        return reading.engine(self.api)

    @translated
    def observe(self, stack: str) -> Observed:
        """Everything of one stack."""
        return reading.observe(self.api, stack)

    @translated
    def service(self, stack: str, name: str) -> ServiceState | None:
        """One service with its tasks, or None."""
        return reading.service(self.api, stack, name)

    @translated
    def create_swarm(self, advertise_address: str) -> None:
        """Make this host the first manager of a Swarm."""
        listen = "127.0.0.1:2377" if advertise_address.startswith("127.") else "0.0.0.0:2377"
        self.api.init_swarm(advertise_addr=advertise_address, listen_addr=listen)

    @translated
    def label_node(self, node_id: str, key: str, value: str) -> None:
        """Set one label of a node."""
        self._edit_labels(node_id, lambda labels: labels | {key: value})

    @translated
    def unlabel_node(self, node_id: str, key: str) -> None:
        """Remove one label of a node."""
        self._edit_labels(node_id, lambda labels: {k: v for k, v in labels.items() if k != key})

    def _edit_labels(self, node_id: str, edit: Callable[[dict[str, str]], dict[str, str]]) -> None:
        self.edit_node(node_id, lambda spec: spec | {"Labels": edit(spec.get("Labels") or {})})

    def edit_node(self, node_id: str, edit: Callable[[Json], Json]) -> None:
        """Change a node's spec; Swarm itself may write it meanwhile."""
        for attempts_left in reversed(range(UPDATE_ATTEMPTS)):
            node = self.api.inspect_node(node_id)
            changed = edit(node["Spec"])
            if changed == node["Spec"]:
                return
            try:
                self.api.update_node(node_id, node["Version"]["Index"], cast("Any", changed))
            except APIError as error:
                if not attempts_left or "out of sequence" not in str(error.explanation):
                    raise
            else:
                return

    @translated
    def create_network(self, stack: str, network: Network) -> None:
        """Create an attachable overlay network; one that exists stays."""
        name = f"{stack}_{network.name}"
        if self.api.networks(names=[name], filters={"label": f"{NAMESPACE}={stack}"}):
            return
        self.api.create_network(
            name,
            driver="overlay",
            options={MTU_OPTION: str(OVERLAY_MTU)},
            attachable=True,
            internal=network.internal,
            labels={NAMESPACE: stack},
        )

    @translated
    def create_volume(self, stack: str, name: str) -> None:
        """Create a named local volume; creating one that exists changes nothing."""
        self.api.create_volume(f"{stack}_{name}", driver="local", labels={NAMESPACE: stack})

    @translated
    def create_secret(self, stack: str, name: str, content: Secret) -> None:
        """Create an immutable secret."""
        _unless_exists(
            lambda: self.api.create_secret(name, content.reveal().encode(), labels={NAMESPACE: stack})
        )

    @translated
    def create_config(self, stack: str, name: str, content: str) -> None:
        """Create an immutable config."""
        _unless_exists(lambda: self.api.create_config(name, content.encode(), labels={NAMESPACE: stack}))

    @translated
    def create_service(self, stack: str, spec_: ServiceSpec) -> None:
        """Create a service."""
        _unless_exists(lambda: self.api.create_service(**self._write(stack, spec_)))

    @translated
    def update_service(self, stack: str, spec_: ServiceSpec) -> None:
        """Give an existing service a new spec; Swarm replaces its replicas."""
        made = self._write(stack, spec_)
        for attempts_left in reversed(range(UPDATE_ATTEMPTS)):
            found = self.api.inspect_service(f"{stack}_{spec_.name}")
            try:
                self.api.update_service(found["ID"], found["Version"]["Index"], **made)
            except APIError as error:
                # Swarm itself writes a service while it updates it: whoever read an older version is refused.
                if not attempts_left or "out of sequence" not in str(error.explanation):
                    raise
            else:
                return

    def _write(self, stack: str, wanted: ServiceSpec) -> Json:
        ids = {
            item["Spec"]["Name"]: item["ID"]
            for item in self.api.secrets(filters={"label": f"{NAMESPACE}={stack}"})
        }
        ids |= {
            item["Spec"]["Name"]: item["ID"]
            for item in self.api.configs(filters={"label": f"{NAMESPACE}={stack}"})
        }
        missing = [item.name for item in (*wanted.secrets, *wanted.configs) if item.name not in ids]
        if missing:
            raise OperationFailed(
                f"cannot write the service `{wanted.name}`: Swarm has no secret or config `{missing[0]}`",
                hint="run `instancectl deploy` again: it creates what is missing",
                subject=missing[0],
            )
        return spec.write(stack, wanted, ids)

    @translated
    def leave_if_idle(self) -> bool:
        """Leave the Swarm when it is this host alone and runs nothing; whether it did."""
        if len(self.api.nodes()) != 1 or self.api.services():
            return False
        return bool(self.api.leave_swarm(force=True))

    @translated
    def containers(self, stack: str) -> int:
        """Containers of the stack on this host, ending ones included."""
        return len(self.api.containers(all=True, filters={"label": f"{NAMESPACE}={stack}"}))

    @translated
    def remove(self, stack: str, kind: str, name: str) -> None:
        """Remove one object; absent is fine."""
        full = name if kind in {"secret", "config"} else f"{stack}_{name}"
        actions: dict[str, Callable[[], Any]] = {
            "service": lambda: self.api.remove_service(full),
            "network": lambda: self.api.remove_network(full),
            "volume": lambda: self.api.remove_volume(full),
            "secret": lambda: self.api.remove_secret(full),
            "config": lambda: self.api.remove_config(full),
            "job": lambda: jobs.remove(self.api, stack, name),
        }
        try:
            actions[kind]()
        except NotFound:
            return

    @translated
    def resolve_image(self, reference: str, *, pull: bool) -> str | None:
        """The reference with its digest; None when it is not on this host and was not pulled."""
        try:
            found = self.api.inspect_image(reference)
        except ImageNotFound:
            if not pull:
                return None
            self.pull(reference)
            found = self.api.inspect_image(reference)
        return reading.with_digest(reference, found.get("RepoDigests") or [])

    @translated
    def pull(self, reference: str) -> None:
        """Have an image from its registry.

        Raises:
            Unreachable: that cannot be done; the registry's words are in the message.
        """
        failure = Unreachable(
            f"cannot pull the image `{reference}`",
            hint=f"is the name right, can this host reach the registry? try `docker pull {reference}`",
            subject=reference,
        )
        try:
            # Streamed: a long pull never times out, and a failure in its middle is an event, not a status.
            for event in self.api.pull(reference, stream=True, decode=True):
                if said := failure_in(event):
                    failure.message += f": {said}"
                    raise failure
        except APIError as error:
            failure.message += f": {error.explanation}"
            raise failure from None
        except requests.exceptions.RequestException as error:
            raise failure from error

    @translated
    def run_once(self, stack: str, job: OneShot) -> tuple[int, str]:
        """Run a one-shot job, or join the same one left running."""
        return jobs.run_once(self.api, stack, job)

    @translated
    def prepare_job(self, stack: str, job: OneShot, *, terminal: bool) -> str:
        """Create an interactive one-shot container without starting it; returns its identifier."""
        return jobs.create(self.api, stack, job, interactive=True, terminal=terminal)

    @translated
    def run_in(self, stack: str, service: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run a command in a running replica on this host."""
        return jobs.run_in(self.api, stack, service, argv)

    @translated
    def run_image(self, image: str, argv: Sequence[str], *, network: str = "") -> tuple[int, str]:
        """Run a command in a throw-away container without secrets."""
        return jobs.run_image(self.api, image, argv, network=network)

    def logs(self, stack: str, service: str, *, tail: int, follow: bool, since: int) -> Iterator[str]:
        """Lines of a service's log, oldest first; following waits for the next line as long as it takes."""
        api = self.connect(None) if follow else self.api
        with translation("read the log"):
            yield from logs.logs(api, f"{stack}_{service}", tail=tail, follow=follow, since=since)

    @translated
    def describe_unhealthy(self, stack: str, name: str) -> str:
        """Why the newest replica of a service does not serve."""
        return reading.describe_unhealthy(self.api, stack, name)


def _unless_exists(create: Callable[[], object]) -> None:
    """A run that was killed may have created it already: names carry the content, so it is the same."""
    try:
        create()
    except APIError as error:
        if error.status_code != requests.codes.conflict:
            raise
