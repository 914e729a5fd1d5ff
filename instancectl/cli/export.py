"""`export k8s`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Write what the instance has for other tools.")
    group.callback()(_export)
    group.command()(k8s)
    app.add_typer(group, name="export")


def _export() -> None:
    """Write what the instance has for other tools."""


def k8s(
    ctx: typer.Context,
    directory: Annotated[str, typer.Argument(help="Where to write values.yaml and keda.yaml.")],
    release: Annotated[
        str, typer.Option(help="Full name of the chart's release: Deployments are RELEASE-sidekiq-….")
    ] = "mastodon",
) -> Result:
    """Write values for Mastodon's Helm chart, and KEDA objects with the same objectives."""
    from instancectl.operations.scaling.exporting import export

    policy, dump, write = wiring.exporting(globals_of(ctx), directory)
    return export(policy, release, dump, write)
