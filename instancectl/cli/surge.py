"""`surge on|off`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Give up what matters least while a surge lasts.")
    group.command()(on)
    group.command()(off)
    app.add_typer(group, name="surge")


def on(
    ctx: typer.Context,
    until: Annotated[
        str, typer.Option(metavar="MOMENT", help="When it ends by itself: `4h`, `18:00`, `2027-01-31T18:00`.")
    ] = "4h",
) -> Result:
    """Let new accounts wait for approval and `pull` wait, and keep more head-room; ends by itself."""
    from datetime import datetime

    from instancectl.core.scaling import moments

    now = datetime.fromtimestamp(wiring.clock().epoch_seconds()).astimezone()
    return wiring.surge(globals_of(ctx), "surge on").on(moments.until(until, now).timestamp())


def off(ctx: typer.Context) -> Result:
    """Take everything back that `surge on` gave up."""
    return wiring.surge(globals_of(ctx), "surge off").off()
