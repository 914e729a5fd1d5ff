"""`metrics`."""

from __future__ import annotations

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result, Status


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(metrics)


def metrics(ctx: typer.Context) -> Result:
    """Print one reading of all metrics in Prometheus' text format; needs root and no agent."""
    from instancectl.operations import monitoring

    config, senses = wiring.watching(globals_of(ctx))
    text = wiring.exposition(lambda: monitoring.metrics(config, senses)).decode()
    return Result(Status.OK, {"text": text}, tuple(text.splitlines()))
