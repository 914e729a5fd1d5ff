"""Output of commands in containers, piece by piece: a database dump never fits into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docker.errors import APIError
from urllib3.exceptions import HTTPError

from instancectl.adapters.docker_engine.engine import DockerSwarm, translation
from instancectl.adapters.docker_engine.jobs import FRAME_HEADER, running_replica
from instancectl.errors import OperationFailed, Unreachable

if TYPE_CHECKING:
    from docker import APIClient

COMPOSE = "com.docker.compose"
SILENCE_SECONDS = 24 * 3_600
"""A command that says nothing for so long is given up; restoring a huge database is silent work.

A dead Engine closes its socket, so nobody waits for that.
"""

SAID_LIMIT = 8 * 1024 * 1024
PIECE = 256 * 1024
STDOUT = 1


class DockerStreams:
    """See `ports.container_streams.ContainerStreams`."""

    def __init__(self, swarm: DockerSwarm) -> None:
        """Uses the connection of `swarm`."""
        self._swarm = swarm

    @contextmanager
    def start(self, stack: str, service: str, argv: Sequence[str]) -> Iterator[RunningExec]:
        """Start a command; leaving the block closes the connection, whatever became of the command."""
        api = self._swarm.api
        with translation("start a command"):
            container = self._container(api, stack, service)
            made = api.exec_create(container, list(argv))
            url = f"{api.base_url}/v{api.api_version}/exec/{made['Id']}/start"
            # Asked without an upgrade, the Engine sends an ordinary body: nothing of it is lost.
            response = api.post(
                url,
                json={"Detach": False, "Tty": False},
                stream=True,
                timeout=(api.timeout, SILENCE_SECONDS),
            )
            response.raise_for_status()
        try:
            yield RunningExec(api, made["Id"], service, response.raw)
        finally:
            response.close()

    def _container(self, api: APIClient, stack: str, service: str) -> str:
        return running_replica(api, stack, service)

    def volume_path(self, stack: str, name: str) -> str:
        """The volume's mount point."""
        with translation(f"find the volume {name}"):
            return str(self._swarm.api.inspect_volume(f"{stack}_{name}")["Mountpoint"])


class ComposeStreams(DockerStreams):
    """The same for services that Docker Compose started, found by the directory they were started from."""

    def __init__(self, swarm: DockerSwarm, directory: str) -> None:
        """`directory` holds the compose file."""
        super().__init__(swarm)
        self._directory = directory

    def _container(self, api: APIClient, stack: str, service: str) -> str:  # noqa: ARG002 - there is no stack
        labels = [f"{COMPOSE}.project.working_dir={self._directory}", f"{COMPOSE}.service={service}"]
        found = api.containers(filters={"label": labels, "status": "running"})
        if not found:
            raise Unreachable(
                f"no `{service}` of `{self._directory}` runs on this host",
                hint=f"see `docker compose ps` in `{self._directory}`; it must call them `db` and `redis`",
                subject=service,
            )
        return str(found[0]["Id"])

    def rising(self, services: Sequence[str]) -> tuple[str, ...]:
        """Those that run, or that Docker starts again with the host although they were stopped."""
        api = self._swarm.api
        with translation("look which services run"):
            return tuple(name for name in services if any(map(_rises, self._all(api, name))))

    def _all(self, api: APIClient, service: str) -> list[dict[str, Any]]:
        labels = [f"{COMPOSE}.project.working_dir={self._directory}", f"{COMPOSE}.service={service}"]
        return [
            api.inspect_container(one["Id"]) for one in api.containers(all=True, filters={"label": labels})
        ]


def _rises(container: dict[str, Any]) -> bool:
    policy = container["HostConfig"]["RestartPolicy"]["Name"]
    return bool(container["State"]["Running"]) or policy == "always"


class RunningExec:
    """See `ports.container_streams.Running`."""

    def __init__(self, api: Any, identifier: str, service: str, raw: Any) -> None:
        """Of a started command, whose multiplexed output is `raw`."""
        self._api, self._id, self._service, self._raw = api, identifier, service, raw
        self._said = bytearray()

    def output(self) -> Iterator[bytes]:
        """Payloads of stdout; stderr is put aside."""
        while header := self._exactly(FRAME_HEADER.size, may_end=True):
            (length,) = FRAME_HEADER.unpack(header)
            while length:
                piece = self._exactly(min(length, PIECE))
                length -= len(piece)
                if header[0] == STDOUT:
                    yield piece
                elif len(self._said) < SAID_LIMIT:
                    self._said += piece

    def _exactly(self, size: int, *, may_end: bool = False) -> bytes:
        piece = bytearray()
        while len(piece) < size:
            try:
                more = self._raw.read(size - len(piece))
            except (HTTPError, OSError) as error:
                raise self._cut() from error
            if not more:
                if may_end and not piece:
                    break
                raise self._cut()
            piece += more
        return bytes(piece)

    def _cut(self) -> Unreachable:
        return Unreachable(
            f"the output of `{self._service}` was cut: its container or the Docker Engine went away",
            hint=f"see `instancectl status` and `instancectl logs {self._service}`",
            subject=self._service,
        )

    @property
    def said(self) -> str:
        """Everything from stderr."""
        return self._said.decode(errors="replace")

    def code(self) -> int:
        """The Engine's record of it."""
        with translation("look at a command"):
            try:
                found = self._api.exec_inspect(self._id)
            except APIError as error:
                # A container that is gone takes its commands along; one that was killed ended their output.
                raise self._cut() from error
        if found["Running"] or found["ExitCode"] is None:
            raise OperationFailed(f"a command in `{self._service}` closed its output and went on running")
        return int(found["ExitCode"])
