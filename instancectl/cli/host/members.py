"""What hosts ask each other while one joins or leaves; hidden, for nobody to type."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result
from instancectl.errors import Refused

CHUNK_BYTES = 1024 * 1024
COURIER = "instancectl-courier"
"""What the manager's courier writes before its request; see `adapters.ssh.courier`."""


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for command in (invite, settle, assign, dismiss, join, serve):
        group.command(hidden=True)(command)


def invite(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the host that wants to join.")],
    role: Annotated[list[str], typer.Option("--role", help="What it is for.")],
) -> Result:
    """On the manager: tell what a host needs to join, as JSON."""
    from instancectl.operations.host import admit

    return admit.invite(name, role, wiring.admitting(globals_of(ctx), "host add"))


def settle(ctx: typer.Context) -> Result:
    """On the manager: take in a host that has joined; stdin says which."""
    from instancectl.operations.host import admit

    said = _request()
    newcomer = admit.Newcomer(
        said["node_id"], said["name"], said["address"], tuple(said["roles"]), tuple(said["host_keys"])
    )
    return admit.settle(newcomer, wiring.admitting(globals_of(ctx), "host add"))


def assign(
    ctx: typer.Context, role: Annotated[list[str], typer.Option("--role", help="What it is for.")]
) -> Result:
    """On the manager: change what it is for itself."""
    from instancectl.operations.host import admit

    return admit.assign(role, wiring.admitting(globals_of(ctx), "host add"))


def dismiss(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="Of the host that goes.")]
) -> Result:
    """On the manager: let a host go."""
    from instancectl.operations.host import admit

    return admit.dismiss(name, wiring.admitting(globals_of(ctx), "host remove"))


def join(ctx: typer.Context) -> Result:  # noqa: ARG001 - every command takes it
    """On the host that joins: become a worker; stdin says of what."""
    from instancectl.core.secrets import Secret
    from instancectl.operations.host.join import Invitation

    said = _request()
    return wiring.join_swarm(
        Invitation(
            said["manager"], Secret(said["token"]), said["address"], said["courier_key"], said["admin_user"]
        )
    )


def serve(
    ctx: typer.Context,  # noqa: ARG001 - every command takes it
    request: Annotated[str, typer.Argument(help="What came over SSH.")] = "",
) -> Result:
    """On the host that receives images: answer the manager's key, which can do nothing else."""
    words = shlex.split(request)
    asked = words[words.index(COURIER) + 1 :] if COURIER in words else []
    return wiring.serve_courier(asked, _chunks())


def _request() -> dict[str, Any]:
    try:
        said = json.loads(sys.stdin.buffer.read())
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Refused("cannot go on: stdin holds no request", hint="`instancectl host add` sends it")
    return said


def _chunks() -> Iterator[bytes]:
    while chunk := sys.stdin.buffer.read(CHUNK_BYTES):
        yield chunk
