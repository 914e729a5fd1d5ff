"""Reads runbooks, and their commands as this program and a shell would."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path
from typing import Any

import typer

from instancectl.cli import main
from instancectl.cli.context import hoist
from instancectl.core.monitoring.runbook import commands_of, sections_of

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "monitoring" / "runbooks"
RUNBOOKS = sorted(DIRECTORY.glob("*.md"))
PROGRAMS = {"instancectl", "docker", "df", "free", "ss", "systemctl", "journalctl"}
FILLED_IN = re.compile(r"\b(?:ADDRESS|PID|SET|TABLE|TEXT)\b")


def commands(path: Path, *titles: str) -> list[str]:
    """What is typed in some sections; in all of them when none is named."""
    sections = sections_of(path.read_text())
    return [command for title in titles or sections for command in commands_of(sections[title])]


@functools.cache
def tree() -> Any:
    """The whole command tree."""
    return typer.main.get_command(main.app)


def parsed(command: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Command and parameters of an `instancectl …` line, by the parser that a person meets.

    Raises whatever the parser raises: no such command, option or argument.
    """
    program, *words = shlex.split(command)
    assert program == "instancectl"
    words = hoist(words)
    found = tree()
    context = found.make_context("instancectl", list(words), obj=tuple(words))
    names: list[str] = []
    while hasattr(found, "resolve_command"):
        name, found, left = found.resolve_command(context, [*_kept(context), *context.args])
        names.append(name)
        context = found.make_context(name, left, parent=context)
    return tuple(names), context.params


def _kept(context: Any) -> list[str]:
    return list(getattr(context, "_protected_args", []))
