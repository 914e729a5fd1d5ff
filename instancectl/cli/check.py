"""`check`."""

from __future__ import annotations

from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli import options
from instancectl.cli.context import globals_of
from instancectl.core.invocation import Globals
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
    exposure: Annotated[
        bool,
        typer.Option("--exposure", help="Only try which ports of this host answer from outside."),
    ] = False,
    vantage: Annotated[
        str,
        typer.Option("--from", metavar="USER@HOST", help="With --exposure: look from that host, over SSH."),
    ] = "",
    all_ports: Annotated[
        bool, typer.Option("--all-ports", help="With --exposure: try all 65535 ports of each address.")
    ] = False,
) -> Result:
    """Judge machine, configuration and running instance; exits 4 when something fails. Changes nothing."""
    from instancectl.core.checks.registry import SLUGS
    from instancectl.operations import check as operation

    if exposure:
        _refuse_beside_exposure(only, send_test_mail)
        return _exposure(globals_of(ctx), vantage, all_ports=all_ports)
    if vantage or all_ports:
        raise typer.BadParameter("needs `--exposure`", param_hint="--from" if vantage else "--all-ports")
    senses, subject = wiring.checking(globals_of(ctx))
    slugs = options.named(only, SLUGS, option="--only", what="check")
    return operation.check(senses, subject, slugs, _address(send_test_mail))


def _exposure(options: Globals, vantage: str, *, all_ports: bool) -> Result:
    from instancectl.operations import check as operation

    own, machine, config = wiring.exposure(options, vantage)
    return operation.exposed(own, machine, config, far=bool(vantage), all_ports=all_ports)


def _refuse_beside_exposure(only: list[str] | None, send_test_mail: str) -> None:
    if only or send_test_mail:
        name = "--only" if only else "--send-test-mail"
        raise typer.BadParameter("cannot be used together with `--exposure`", param_hint=name)


def _address(text: str) -> str:
    name, at, domain = text.partition("@")
    if text and (not (name and at and domain) or any(one.isspace() or not one.isprintable() for one in text)):
        raise typer.BadParameter(f"`{text}` is no mail address", param_hint="--send-test-mail")
    return text
