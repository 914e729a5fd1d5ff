"""`tootctl …` and `console`: Mastodon's own commands."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(context_settings=_PASSED_ON)(tootctl)
    app.command()(console)


def tootctl(
    ctx: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(help="Handed to tootctl as they are.")] = None,
) -> int:
    """Run Mastodon's tootctl in a container of its own; its exit code is passed on."""
    return wiring.run_in_one_shot(globals_of(ctx), "tootctl", ("bin/tootctl", *(arguments or ())))


def console(ctx: typer.Context) -> int:
    """Open a Rails console in a container of its own."""
    return wiring.run_in_one_shot(globals_of(ctx), "console", ("bin/rails", "console"))
