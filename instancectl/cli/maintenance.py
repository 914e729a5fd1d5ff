"""`maintenance on|off`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Show a maintenance page instead of the instance.")
    group.command()(on)
    group.command()(off)
    app.add_typer(group, name="maintenance")


def on(
    ctx: typer.Context,
    message: Annotated[str, typer.Option("--message", help="A sentence for the page.")] = "",
) -> Result:
    """Answer everything with 503: people see a page, other servers `Retry-After`."""
    return wiring.deployment(globals_of(ctx), "maintenance on").maintenance(message)


def off(ctx: typer.Context) -> Result:
    """Answer normally again."""
    return wiring.deployment(globals_of(ctx), "maintenance off").maintenance(None)
