"""Which module brings which commands, in the order `--help` shows them."""

from __future__ import annotations

import importlib
from copy import copy

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


def only(app: typer.Typer, word: str) -> typer.Typer:
    """The application with one command (or group) whole and of the others no more than `--help` shows.

    Typer evaluates every annotation of every command it knows, which takes longer than most commands do.
    """
    chosen = copy(app)
    chosen.registered_commands = [
        info if _name(info) == word else _outline(info) for info in app.registered_commands
    ]
    chosen.registered_groups = [
        info if info.name == word else _outline_of_group(info) for info in app.registered_groups
    ]
    return chosen


def _outline(info: typer.models.CommandInfo) -> typer.models.CommandInfo:
    name = _name(info)

    def outline() -> None:
        raise AssertionError(f"`{name}` was not the command that was typed")

    outline.__doc__ = info.callback.__doc__
    bare = copy(info)
    bare.name, bare.callback = name, outline
    return bare


def _outline_of_group(info: typer.models.TyperInfo) -> typer.models.TyperInfo:
    bare = copy(info)
    bare.typer_instance = copy(info.typer_instance)
    if bare.typer_instance is not None:
        bare.typer_instance.registered_commands, bare.typer_instance.registered_groups = [], []
    return bare


def names(app: typer.Typer) -> frozenset[tuple[str, ...]]:
    """Every command as a tuple of its words, sub-commands included."""
    found: set[tuple[str, ...]] = {(_name(info),) for info in app.registered_commands}
    for group in app.registered_groups:
        if group.typer_instance is not None and group.name:
            found |= {(group.name, *words) for words in names(group.typer_instance)}
    return frozenset(found)


def _name(info: typer.models.CommandInfo) -> str:
    return info.name or (info.callback.__name__.replace("_", "-") if info.callback else "")
