"""`agent run`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result

ADDRESS = r"(\[[0-9a-fA-F:]+\]|[0-9.]+):\d{1,5}"


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="The resident agent: probes, uptime and metrics.")
    group.command("run")(run)
    app.add_typer(group, name="agent")


def run(
    ctx: typer.Context,
    listen: Annotated[
        str, typer.Option(help="Address and port of /metrics; `monitoring.listen` when left out.")
    ] = "",
) -> Result:
    """Probe the instance every 15 seconds, keep its uptime, serve metrics; until SIGTERM or Ctrl-C."""
    import re

    from instancectl.operations import monitoring

    if listen and not re.fullmatch(ADDRESS, listen):
        raise typer.BadParameter(f"`{listen}` is no ADDRESS:PORT", param_hint="--listen")
    config, around = wiring.agent(globals_of(ctx), listen)
    return monitoring.run(config, around)
