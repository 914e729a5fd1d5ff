"""`runbook`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(runbook)


def runbook(
    ctx: typer.Context,
    alert: Annotated[str, typer.Argument(help="Name of the alert; without it all of them are listed.")] = "",
) -> Result:
    """Print what an alert means, and the commands that diagnose and mitigate it; needs no network."""
    from instancectl.operations.monitoring import runbooks as operation

    return operation.show(wiring.runbooks(), alert, wiring.config_if_any(globals_of(ctx)))
