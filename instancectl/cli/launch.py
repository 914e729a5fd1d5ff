"""`launch`: init, check and deploy, for the impatient."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli.context import globals_of
from instancectl.cli.init import LOCAL_DOMAIN, init
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(launch)


def launch(
    ctx: typer.Context,
    *,
    domain: Annotated[str, typer.Option(help="LOCAL_DOMAIN: second half of every address; permanent.")] = "",
    owner: Annotated[str, typer.Option(help="Name of the first account, without @.")] = "",
    email: Annotated[str | None, typer.Option(help="Its mail address; empty creates no account.")] = None,
    mail: Annotated[str, typer.Option(help="smtp, catch (keep all mail on this host) or none.")] = "",
    smtp_server: Annotated[str, typer.Option(help="The mail provider's server.")] = "",
    smtp_port: Annotated[int, typer.Option(min=1, max=65535, help="587 with STARTTLS, 465 with TLS.")] = 587,
    smtp_login: Annotated[
        str | None,
        typer.Option(help="Login there; its password comes from INSTANCECTL_SMTP_PASSWORD or a file."),
    ] = None,
    smtp_password_file: Annotated[str, typer.Option(help="File that holds the password.")] = "",
    local: Annotated[
        bool, typer.Option("--local", help=f"For this machine only: {LOCAL_DOMAIN}, own CA, mail is caught.")
    ] = False,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any further key: section.key=value; repeatable.")
    ] = None,
) -> Result:
    """Init, check and deploy in one go; stops before anything is touched when a check fails."""
    options = globals_of(ctx)
    prepared = init(
        ctx,
        domain=domain,
        owner=owner,
        email=email,
        mail=mail,
        smtp_server=smtp_server,
        smtp_port=smtp_port,
        smtp_login=smtp_login,
        smtp_password_file=smtp_password_file,
        local=local,
        setting=setting,
    )
    deployed = wiring.deployment(options, "launch").deploy("launch")
    return replace(
        deployed,
        data={"init": dict(prepared.data), **deployed.data},
        notes=(*prepared.notes, *deployed.notes),
    )
