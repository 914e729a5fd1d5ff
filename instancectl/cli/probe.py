"""`probe`: a second vantage."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.agent import ADDRESS
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(probe)


def probe(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(metavar="SITE", help="The name visitors type: `social.example`.")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay: a round every 15 seconds, until SIGTERM or Ctrl-C.")
    ] = False,
    name: Annotated[str, typer.Option(help="Of this vantage; the host's name when left out.")] = "",
    listen: Annotated[
        str, typer.Option(help="With --watch: where the agent, and Prometheus, may ask.")
    ] = "127.0.0.1:9396",
    address: Annotated[str, typer.Option(help="Connect to this address, whatever the name says.")] = "",
    roots: Annotated[str, typer.Option(help="PEM file with the authority of the certificate.")] = "",
    control: Annotated[
        list[str] | None,
        typer.Option(help="A page elsewhere, asked while something fails (repeat); `none` asks nobody."),
    ] = None,
) -> Result:
    """Ask an instance from outside, as a visitor's machine would: web, login, federation, streaming.

    With --watch on another host this is a second vantage: it goes on measuring while the instance's own host
    is off. The agent fetches what it saw; name it in `monitoring.vantages`.
    """
    from instancectl.core.monitoring.vantage import CONTROLS
    from instancectl.operations.monitoring import vantage

    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?", site):
        raise typer.BadParameter(f"`{site}` is no name of a site; write `social.example`", param_hint="SITE")
    if not re.fullmatch(ADDRESS, listen):
        raise typer.BadParameter(f"`{listen}` is no ADDRESS:PORT", param_hint="--listen")
    controls = tuple(one for one in control or CONTROLS if one != "none")
    options = globals_of(ctx)
    point, eyes = wiring.vantage_point(name, site, address, controls, roots)
    if watch:
        return vantage.stay(point, eyes, wiring.vantage_post(point, options, listen))
    return vantage.probe(point, eyes)
