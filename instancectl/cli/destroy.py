"""`destroy`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli import confirm
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(destroy)


def destroy(
    ctx: typer.Context,
    confirm_domain: Annotated[
        str, typer.Option("--confirm", metavar="DOMAIN", help="The instance's domain, instead of typing it.")
    ] = "",
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Leave database, Redis, media and certificates.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be removed.")] = False,
) -> Result:
    """Remove the instance from this host, with all its data. Severe: asks for the domain."""
    from instancectl.operations import destroy as operation

    options = globals_of(ctx)
    opened, around = wiring.destruction(options)
    config = opened.config
    if dry_run:
        return operation.show(config.stack, config.instance.domain, around, keep_data=keep_data)
    what = f"This removes {config.instance.domain}" + ("." if keep_data else " and all its data, for ever.")
    confirm.severe(options, what=what, domain=config.instance.domain, given=confirm_domain)
    return operation.destroy(config.stack, config.instance.domain, around, keep_data=keep_data)
