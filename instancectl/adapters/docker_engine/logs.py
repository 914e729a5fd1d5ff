"""Reads the logs of services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import requests
from docker.errors import APIError

from instancectl.adapters.docker_engine.jobs import frames

if TYPE_CHECKING:
    from docker import APIClient

ELSEWHERE_SECONDS = 10
"""How long the log of a replica on another host is waited for."""

_GONE = {requests.codes.not_found, requests.codes.conflict}
"""What the Engine answers for a container that was removed, or that it could not remove to the end."""

_FROM_SWARM = 3
"""Origin of a frame that is no output: Swarm's own word on what it could not read."""


def logs(api: APIClient, name: str, *, tail: int, follow: bool, since: int) -> Iterator[str]:
    """Lines of a service's log; those there are in the order of time, those to come as they arrive."""
    if follow:
        yield from _lines(
            api.service_logs(name, stdout=True, stderr=True, follow=True, **_wanted(tail, since))
        )
        return
    # Not asked of the service: Swarm then waits, without an end, for a replica that never got a container.
    here = api.info()["Swarm"]["NodeID"]
    tasks = [task for task in api.tasks(filters={"service": name}) if _container(task)]
    written: list[str] = []
    unread: list[str] = []
    for task in tasks:
        try:
            read = _here if task.get("NodeID") == here else _elsewhere
            written += read(api, task, tail, since)
        except APIError as error:
            if error.status_code not in _GONE:
                raise
        except requests.exceptions.RequestException:
            unread.append(task["ID"])
    ordered = [line.partition(" ")[2] for line in sorted(written, key=_time)]
    yield from ordered[-tail:]
    yield from (f"-- the log of replica {name}.{task} on another host cannot be read --" for task in unread)


def _here(api: APIClient, task: Any, tail: int, since: int) -> list[str]:
    return list(_lines([api.logs(_container(task), timestamps=True, **_wanted(tail, since))]))


def _container(task: Any) -> str:
    return str((task["Status"].get("ContainerStatus") or {}).get("ContainerID") or "")


def _wanted(tail: int, since: int) -> dict[str, Any]:
    return {"tail": tail or "all", **({"since": since} if since else {})}


def _elsewhere(api: APIClient, task: Any, tail: int, since: int) -> list[str]:
    answer = api.get(
        f"{api.base_url}/v{api.api_version}/tasks/{task['ID']}/logs",
        params={"stdout": 1, "stderr": 1, "timestamps": 1, "tail": tail or "all", "since": since},
        timeout=ELSEWHERE_SECONDS,
    )
    answer.raise_for_status()
    return list(_lines(payload for origin, payload in frames(answer.content) if origin != _FROM_SWARM))


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in lines)
    if rest:
        yield rest.decode(errors="replace")


def _time(line: str) -> str:
    """Docker's timestamps have a fixed width, so text sorts them."""
    return line.partition(" ")[0]
