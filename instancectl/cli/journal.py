"""`journal`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(journal)


def journal(
    ctx: typer.Context,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="How many entries; 0 shows all.")] = 40,
) -> Result:
    """Show who did what and when: every step of every run, by every admin."""
    from instancectl.operations import journal as operation

    opened = wiring.open_instance(globals_of(ctx))
    return operation.show(wiring.journal(opened, "journal"), last)
