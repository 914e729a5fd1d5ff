"""`alert list|silence|test|rules`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.alerting.alertmanager import LONGEST_SECONDS
from instancectl.core.result import Result, Status

UNITS = {"m": 60, "h": 3600, "d": 86400}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="What fires, who is told, and silences with an end.")
    group.command("list")(show)
    group.command()(silence)
    group.command("test")(try_out)
    group.command()(rules)
    app.add_typer(group, name="alert")


def show(ctx: typer.Context) -> Result:
    """Show what fires, what is silenced until when, and messages that wait for a receiver."""
    return wiring.silencing(globals_of(ctx), "alert list").show()


def silence(
    ctx: typer.Context,
    alert: Annotated[str, typer.Argument(help="Name of the alert, as `alert list` shows it.")],
    lasts: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 30m, 2h or 1d.")
    ] = "",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="A reason, for the other admins.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the silence instead.")] = False,
) -> Result:
    """Tell nobody about an alert for a while; it ends by itself."""
    silences = wiring.silencing(globals_of(ctx), "alert silence")
    if end:
        if lasts or why:
            raise typer.BadParameter("it goes neither with `--for` nor with `--why`", param_hint="--end")
        return silences.end(alert)
    if not why.strip():
        raise typer.BadParameter("say why: the others will want to know", param_hint="--why")
    return silences.silence(alert, _seconds(lasts), why.strip())


def try_out(
    ctx: typer.Context,
    receiver: Annotated[
        str,
        typer.Option(
            help="email, ntfy, matrix, discord, telegram, webhook or fediverse; else all that are set up."
        ),
    ] = "",
) -> Result:
    """Send a test the whole way and say which receivers got it."""
    return wiring.trial(globals_of(ctx)).run(receiver)


def rules(ctx: typer.Context) -> Result:
    """Print the rule file of this instance, for a Prometheus of your own."""
    text = wiring.rules(globals_of(ctx))
    return Result(Status.OK, {"text": text}, tuple(text.splitlines()))


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in UNITS or not 0 < int(number) * UNITS[unit] <= LONGEST_SECONDS:
        raise typer.BadParameter(
            f"`{text}` is no time from 1m to 30d, such as 30m, 2h or 1d"
            if text
            else "say for how long, such as 2h",
            param_hint="--for",
        )
    return int(number) * UNITS[unit]
