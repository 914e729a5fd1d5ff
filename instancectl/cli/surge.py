"""`surge on|off|turn-away|let-in|drill`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result

SHORTEST, LONGEST = 20, 1800
"""Seconds of a drill: enough to see anything, and no longer than a machine may be kept busy."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Give up what matters least while a surge lasts.")
    group.command()(on)
    group.command()(off)
    group.command("turn-away")(turn_away)
    group.command("let-in")(let_in)
    group.command()(drill)
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
    end = moments.until(until, now)
    return wiring.surge(globals_of(ctx), "surge on").on(end.timestamp())


def off(ctx: typer.Context) -> Result:
    """Take everything back that `surge on` gave up."""
    return wiring.surge(globals_of(ctx), "surge off").off()


What = Annotated[str, typer.Argument(help="`reading` by anonymous visitors, or half of the `inbox`.")]


def turn_away(ctx: typer.Context, what: What) -> Result:
    """Answer 429 to anonymous reading of timelines and search, or 503 to half of the other servers."""
    return _give_up(ctx, what, on=True)


def let_in(ctx: typer.Context, what: What) -> Result:
    """Answer those normally again whom `turn-away` sent away."""
    return _give_up(ctx, what, on=False)


def _give_up(ctx: typer.Context, what: str, *, on: bool) -> Result:
    if what not in {"reading", "inbox"}:
        raise typer.BadParameter(f"`{what}` is neither reading nor inbox", param_hint="WHAT")
    return wiring.deployment(globals_of(ctx), f"surge {what}").give_up(what, on=on)


def drill(
    ctx: typer.Context,
    for_: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="How long the crowd comes: `20s` to `30min`.")
    ] = "2min",
) -> Result:
    """Let a made-up crowd sign up in containers of their own, and say how many an hour this machine takes."""
    from instancectl.core.scaling import moments
    from instancectl.operations.scaling.drill import drill as drill_

    seconds = round(moments.span(for_))
    if not SHORTEST <= seconds <= LONGEST:
        raise typer.BadParameter(f"`{for_}` is not from 20s to 30min", param_hint="--for")
    return drill_(wiring.surge_drill(globals_of(ctx)), seconds)
