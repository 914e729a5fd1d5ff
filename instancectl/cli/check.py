"""`check`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli import options
from instancectl.cli.context import globals_of
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    ctx: typer.Context,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="SLUG", help="Judge only this check; may be repeated."),
    ] = None,
    send_test_mail: Annotated[
        str,
        typer.Option(
            "--send-test-mail", metavar="ADDRESS", help="Send a mail there, to see that it arrives."
        ),
    ] = "",
) -> Result:
    """Judge machine, configuration and running instance; exits 4 when something fails. Changes nothing."""
    from instancectl.core.checks.registry import SLUGS
    from instancectl.operations import check as operation

    senses, subject = wiring.checking(globals_of(ctx))
    slugs = options.named(only, SLUGS, option="--only", what="check")
    return operation.check(senses, subject, slugs, _address(send_test_mail))


def _address(text: str) -> str:
    name, at, domain = text.partition("@")
    if text and (not (name and at and domain) or any(one.isspace() or not one.isprintable() for one in text)):
        raise typer.BadParameter(f"`{text}` is no mail address", param_hint="--send-test-mail")
    return text
