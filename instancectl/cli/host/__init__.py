"""`host …`: the machines an instance runs on."""

from __future__ import annotations

import importlib

import typer

MODULES = ("provision", "nodes", "members")


def register(app: typer.Typer) -> None:
    """Add the group with every command of it."""
    group = typer.Typer(no_args_is_help=True, help="Provision hosts, and spread the instance over several.")
    for name in MODULES:
        importlib.import_module(f"instancectl.cli.host.{name}").register(group)
    app.add_typer(group, name="host")
