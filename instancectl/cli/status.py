"""`status`."""

from __future__ import annotations

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(ctx: typer.Context) -> Result:
    """Show on one screen how the instance is; exits 4 when it is not well."""
    from instancectl.operations import status as operation

    return operation.show(wiring.health(globals_of(ctx)), wiring.clock())
