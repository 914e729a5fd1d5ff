"""`uptime`."""

from __future__ import annotations

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(uptime)


def uptime(ctx: typer.Context) -> Result:
    """Show uptime with its coverage: 30 days, months, years, and the last outages with their causes."""
    from instancectl.operations import monitoring

    opened = wiring.open_instance(globals_of(ctx))
    return monitoring.uptime(opened.config, wiring.ledger(opened), wiring.clock())
