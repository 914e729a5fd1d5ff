"""`logs SERVICE`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.cli.render import render_line
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(logs)


def logs(
    ctx: typer.Context,
    service: Annotated[str, typer.Argument(help="Of which service: web, sidekiq, db, proxy, ….")],
    tail: Annotated[
        int, typer.Option("--tail", "-n", min=0, help="How many of the last lines; 0 shows all.")
    ] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option("--since", help="Only newer ones: 90s, 15m, 2h, 1d.")] = "",
) -> Result | None:
    """Print the log of a service, all replicas together; with `--json` one line each as a JSON object."""
    from instancectl.operations import logs as operation

    options = globals_of(ctx)
    opened = wiring.open_instance(options)
    wanted = operation.Wanted(service, tail=tail, follow=follow, since=since)
    for line in operation.read(opened.config.stack, wiring.swarm(), wiring.clock(), wanted):
        render_line(operation.as_json(service, line) if options.json else line)
    return None
