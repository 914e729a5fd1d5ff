"""Which module brings which commands, in the order `--help` shows them."""

from __future__ import annotations

import importlib

import typer

MODULES = (
    "init",
    "check",
    "deploy",
    "launch",
    "status",
    "logs",
    "metrics",
    "uptime",
    "probe",
    "top",
    "dashboard",
    "status_page",
    "agent",
    "alert",
    "runbook",
    "tootctl",
    "config",
    "scale",
    "surge",
    "export",
    "maintenance",
    "backup",
    "restore",
    "journal",
    "host",
    "destroy",
)


def register(app: typer.Typer) -> None:
    """Add every command to the application."""
    for name in MODULES:
        importlib.import_module(f"instancectl.cli.{name}").register(app)


def names(app: typer.Typer) -> frozenset[tuple[str, ...]]:
    """Every command as a tuple of its words, sub-commands included."""
    found: set[tuple[str, ...]] = {(_name(info),) for info in app.registered_commands}
    for group in app.registered_groups:
        if group.typer_instance is not None and group.name:
            found |= {(group.name, *words) for words in names(group.typer_instance)}
    return frozenset(found)


def _name(info: typer.models.CommandInfo) -> str:
    return info.name or (info.callback.__name__.replace("_", "-") if info.callback else "")
