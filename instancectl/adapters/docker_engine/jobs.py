"""One-shot containers beside the Swarm: schema, tootctl, console, questions to an image.

Secrets reach them as files written into the created container before it starts, so neither
`docker inspect` nor an environment shows any; the container is removed afterwards.
"""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import requests
from docker.errors import APIError, NotFound
from docker.types import Mount as ApiMount

from instancectl.core.desired import OneShot
from instancectl.core.secrets import Secret, fingerprint
from instancectl.errors import OperationFailed, Unreachable

if TYPE_CHECKING:
    from docker import APIClient

STACK_LABEL = "instancectl.stack"
JOB_LABEL = "instancectl.job"
DEFINITION_LABEL = "instancectl.definition"

MASTODON_UID = 991
"""User of the official image (its Dockerfile)."""

FRAME_HEADER = struct.Struct(">xxxxL")
OUTPUT_LINES = 60
QUESTION_TIMEOUT_SECONDS = 30


def container_name(stack: str, job: str) -> str:
    """Fixed name, so that the same job never runs twice at once."""
    return f"{stack}_job_{job}"


def run_once(api: APIClient, stack: str, job: OneShot) -> tuple[int, str]:
    """Run a job to its end and remove it; one that a killed run left behind is joined, its result not lost.

    Raises:
        OperationFailed: another definition of the job is still running, or it took too long.
    """
    name = container_name(stack, job.name)
    if not _join(api, name, job):
        create(api, stack, job)
        api.start(name)
    try:
        code = int(api.wait(name, timeout=job.timeout_seconds)["StatusCode"])
    except requests.exceptions.RequestException as error:
        raise OperationFailed(
            f"the job `{job.name}` has not ended after {job.timeout_seconds} s and is still running",
            hint=f"look with `docker logs {name}`; run the same command again to wait on",
            subject=job.name,
        ) from error
    output = api.logs(name, tail=OUTPUT_LINES).decode(errors="replace")
    api.remove_container(name, force=True, v=True)
    return code, output


def _join(api: APIClient, name: str, job: OneShot) -> bool:
    try:
        found = api.inspect_container(name)
    except NotFound:
        return False
    same = found["Config"]["Labels"].get(DEFINITION_LABEL) == _definition(job)
    if found["State"]["Running"]:
        if not same:
            raise OperationFailed(
                f"cannot run the job `{job.name}`: an earlier one of another image is still running",
                hint=f"wait for it with `docker wait {name}`, then run the same command again",
                subject=job.name,
            )
        return True
    if same and found["State"]["Status"] == "exited" and found["State"]["ExitCode"] == 0:
        return True
    api.remove_container(name, force=True, v=True)
    return False


def create(
    api: APIClient, stack: str, job: OneShot, *, interactive: bool = False, terminal: bool = False
) -> str:
    """Create a job's container with its files and networks, without starting it."""
    first, *others = job.networks
    name = None if interactive else container_name(stack, job.name)
    made = api.create_container(
        job.image,
        command=list(job.argv),
        name=name,
        environment=dict(job.environment),
        labels={STACK_LABEL: stack, JOB_LABEL: job.name, DEFINITION_LABEL: _definition(job)},
        stdin_open=interactive,
        tty=terminal,
        host_config=api.create_host_config(
            mounts=[
                ApiMount(mount.target, f"{stack}_{mount.source}", type="volume", read_only=mount.read_only)
                for mount in job.mounts
            ],
            auto_remove=interactive,
        ),
        networking_config={"EndpointsConfig": {f"{stack}_{first.network}": {}}},
    )
    identifier: str = made["Id"]
    for link in others:
        api.connect_container_to_network(identifier, f"{stack}_{link.network}")
    for path, content in job.files:
        directory, _, file = path.rpartition("/")
        api.put_archive(identifier, directory or "/", _archive(file, content))
    return identifier


def run_in(api: APIClient, stack: str, service: str, argv: Sequence[str]) -> tuple[int, str]:
    """Run a command in a running replica on this host."""
    made = api.exec_create(running_replica(api, stack, service), list(argv))
    output = _exec_output(api, made["Id"])
    code = api.exec_inspect(made["Id"])["ExitCode"]
    return int(code if code is not None else 1), output.decode(errors="replace")


def running_replica(api: APIClient, stack: str, service: str) -> str:
    """Container of a running replica on this host.

    Raises:
        Unreachable: there is none.
    """
    found = api.containers(
        filters={"label": f"com.docker.swarm.service.name={stack}_{service}", "status": "running"}
    )
    if not found:
        raise Unreachable(f"no replica of `{service}` runs on this host", subject=service)
    identifier: str = found[0]["Id"]
    return identifier


def _exec_output(api: APIClient, identifier: str) -> bytes:
    """Start an exec and read all of its output.

    The SDK's own `exec_start` reads below the buffer that the response's headers came through: output
    that arrives together with them is lost. Asked without an upgrade, the Engine sends an ordinary body.
    """
    url = f"{api.base_url}/v{api.api_version}/exec/{identifier}/start"
    response = api.post(url, json={"Detach": False, "Tty": False}, timeout=api.timeout)
    response.raise_for_status()
    return b"".join(payload for _origin, payload in frames(response.content))


def frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Origins and payloads of the Engine's multiplexed stream: one byte, three of nothing, four of length."""
    at = 0
    while at + FRAME_HEADER.size <= len(body):
        (length,) = FRAME_HEADER.unpack_from(body, at)
        at += FRAME_HEADER.size
        yield body[at - FRAME_HEADER.size], body[at : at + length]
        at += length


def run_image(api: APIClient, image: str, argv: Sequence[str], *, network: str = "") -> tuple[int, str]:
    """Run a command in a throw-away container; its entry point is replaced by the command."""
    made = api.create_container(
        image,
        entrypoint=list(argv[:1]),
        command=list(argv[1:]),
        host_config=api.create_host_config(network_mode=network or "none"),
    )
    try:
        api.start(made["Id"])
        code = int(api.wait(made["Id"], timeout=QUESTION_TIMEOUT_SECONDS)["StatusCode"])
        return code, api.logs(made["Id"]).decode(errors="replace")
    finally:
        _discard(api, made["Id"])


def remove(api: APIClient, stack: str, job: str) -> None:
    """Remove a job's containers, the interactive ones (which have names of their own) included."""
    labels = [f"{STACK_LABEL}={stack}", f"{JOB_LABEL}={job}"]
    for found in api.containers(all=True, filters={"label": labels}):
        _discard(api, found["Id"])


def _discard(api: APIClient, identifier: str) -> None:
    try:
        api.remove_container(identifier, force=True, v=True)
    except APIError:
        return


def _archive(name: str, content: Secret) -> bytes:
    raw = content.reveal().encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uid, entry.gid = len(raw), 0o400, MASTODON_UID, MASTODON_UID
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(raw))
    return buffer.getvalue()


def _definition(job: OneShot) -> str:
    parts: tuple[Any, ...] = (job.image, job.argv, job.environment)
    return fingerprint(repr(parts))
