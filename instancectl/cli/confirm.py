"""Danger levels: moderate asks yes or no, severe asks for the domain."""

from __future__ import annotations

import sys

import typer

from instancectl.core.invocation import Globals
from instancectl.errors import Refused


def severe(options: Globals, *, what: str, domain: str, given: str) -> None:
    """Have the domain typed, on a terminal or as `--confirm=DOMAIN`.

    Raises:
        Refused: it was not, or it is another one. Nothing changed.
    """
    if not given and sys.stdin.isatty() and not options.json:
        given = typer.prompt(f"{what}\nType the domain `{domain}` to go on", default="", show_default=False)
    if given != domain:
        seen = f"`{given}` was typed" if given else "nobody confirmed it"
        raise Refused(
            f"cannot go on without confirmation: {seen}; aborted, no changes made",
            hint=f"{what.rstrip('.')}: confirm with `--confirm={domain}`",
            subject=domain,
        )
