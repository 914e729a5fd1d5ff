"""`host add`, `host list`, `host drain` and `host remove`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.cli.relay import asking
from instancectl.core.host import address as addresses
from instancectl.core.result import Result


class Role(StrEnum):
    """What a further host may be for."""

    WEB = "web"
    WORKERS = "workers"
    DB = "db"
    MONITORING = "monitoring"


Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the host, as `host list` shows it.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command()(add)
    group.command("list")(list_)
    group.command()(drain)
    group.command()(remove)


def add(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="USER@ADDRESS", help="The machine to add.")],
    role: Annotated[
        list[Role],
        typer.Option("--role", help="What it is for; repeatable. `db`: only the host with the data."),
    ],
) -> Result:
    """Make another machine a host of the instance: provision it, join it, bring it the images.

    `--host` names the manager when you type this elsewhere. Run it again to continue, or to change the roles.
    With the address of the host with the data and `--role db` alone, the others take what may leave it.
    """
    from instancectl.operations.host import add as operation

    options = globals_of(ctx)
    around = wiring.adding(options, asking(options))
    return operation.add(addresses.parse(address), tuple(one.value for one in role), around)


def list_(ctx: typer.Context) -> Result:
    """Show the hosts: roles, state, address, size, engine, and what runs there."""
    return wiring.list_hosts(globals_of(ctx))


def drain(
    ctx: typer.Context,
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Let it have replicas again.")] = False,
) -> Result:
    """Move everything away from a host, and wait until nothing of the instance runs there."""
    return wiring.drain_host(globals_of(ctx), name, undo=undo)


def remove(ctx: typer.Context, name: Name) -> Result:
    """Take a host away from the instance: drain it, have it leave, have the others forget it.

    It works for a host that is dead, too. The one that holds the data is refused.
    """
    from instancectl.operations.host import add as operation

    options = globals_of(ctx)
    return operation.remove(name, wiring.adding(options, asking(options)))
