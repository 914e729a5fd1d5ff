"""`status-page write|show|announce|note|withdraw`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result

Text = Annotated[str, typer.Argument(metavar="TEXT", help="One or two sentences; everybody can read them.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="The public status page: write it, and say something on it."
    )
    for command in (write, show, announce, note, withdraw):
        group.command()(command)
    app.add_typer(group, name="status-page")


def write(
    ctx: typer.Context,
    directory: Annotated[
        str,
        typer.Argument(metavar="[DIRECTORY]", help="Where to; the places of `[status_page]` when left out."),
    ] = "",
) -> Result:
    """Write the page once, as static files; the agent does it every minute where a place is set."""
    from instancectl.operations.monitoring import publish

    desk, places = wiring.page_desk(globals_of(ctx), directory)
    return publish.write(desk, places)


def show(ctx: typer.Context) -> Result:
    """Show what the page says: its sentence, maintenance, incidents and notes."""
    from instancectl.operations.monitoring import publish

    return publish.show(wiring.page_desk(globals_of(ctx))[0])


def announce(
    ctx: typer.Context,
    text: Text,
    lasts: Annotated[
        str, typer.Option("--lasts", metavar="TIME", help="How long, such as 30min or 2h.")
    ] = "1h",
    starts: Annotated[
        str,
        typer.Option("--starts", metavar="WHEN", help="22:00, 2026-11-23 22:00 or in 3h; now when left out."),
    ] = "",
) -> Result:
    """Announce maintenance; it is shown up to 14 days ahead and until it ends."""
    from instancectl.operations.monitoring import publish

    options = globals_of(ctx)
    desk, _ = wiring.page_desk(options)
    return publish.announce(desk, wiring.page_journal(options), text, starts.removeprefix("in "), lasts)


def note(ctx: typer.Context, text: Text) -> Result:
    """Say something about the newest incident."""
    from instancectl.operations.monitoring import publish

    options = globals_of(ctx)
    return publish.note(wiring.page_desk(options)[0], wiring.page_journal(options), text)


def withdraw(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="As `status-page show` lists it.")],
) -> Result:
    """Take back an announcement or a note."""
    from instancectl.operations.monitoring import publish

    options = globals_of(ctx)
    return publish.withdraw(wiring.page_desk(options)[0], wiring.page_journal(options), name)
