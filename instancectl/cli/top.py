"""`top`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(top)


def top(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print one screen and end.")] = False,
) -> Result | None:
    """Show the dashboard in the terminal, drawn anew every 5 seconds until Ctrl-C; asks the agent."""
    from instancectl.operations.monitoring import dashboard_link as operation

    options = globals_of(ctx)
    source = wiring.overview(options)
    screen = wiring.screen(options)
    if once or options.json or not screen.is_terminal:
        return operation.once(source, screen.width if screen.is_terminal else 0)
    source.read()
    with screen:
        operation.watch(source, wiring.clock(), screen.draw, lambda: screen.width)
    return None
