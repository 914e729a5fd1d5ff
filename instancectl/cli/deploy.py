"""`plan`, `deploy` and `launch`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli import options
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(plan)
    app.command()(deploy)


def plan(
    ctx: typer.Context,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 9 when the plan is not empty.")
    ] = False,
) -> Result:
    """Print the steps that `deploy` would take; nothing is changed."""
    return wiring.deployment(globals_of(ctx), "plan").show_plan(exit_code=exit_code)


def deploy(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan instead; the same as `plan`.")
    ] = False,
    accept_risk: options.AcceptRisk = None,
) -> Result:
    """Bring the instance to what `instance.toml` says; what already is stays untouched."""
    deployment = wiring.deployment(globals_of(ctx), "deploy", options.risks(accept_risk))
    return deployment.show_plan() if dry_run else deployment.deploy()
