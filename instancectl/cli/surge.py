"""`surge on|off|turn-away|let-in`."""

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
    group.command("turn-away")(turn_away)
    group.command("let-in")(let_in)
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
