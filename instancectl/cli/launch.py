"""`launch`: init, check and deploy, for the impatient."""

from __future__ import annotations

from dataclasses import replace

import typer

from instancectl import wiring
from instancectl.cli import options
from instancectl.cli.context import globals_of
from instancectl.cli.init import init
from instancectl.core.result import Result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(launch)


def launch(
    ctx: typer.Context,
    *,
    domain: options.Domain = "",
    owner: options.Owner = "",
    email: options.Email = None,
    mail: options.Mail = "",
    smtp_server: options.SmtpServer = "",
    smtp_port: options.SmtpPort = 587,
    smtp_login: options.SmtpLogin = None,
    smtp_password_file: options.SmtpPasswordFile = "",
    local: options.Local = False,
    setting: options.Setting = None,
    accept_risk: options.AcceptRisk = None,
) -> Result:
    """Init, check and deploy in one go; stops before anything is touched when a check fails."""
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
    deployed = wiring.deployment(globals_of(ctx), "launch", options.risks(accept_risk)).deploy("launch")
    return replace(
        deployed,
        data={"init": dict(prepared.data), **deployed.data},
        notes=(*prepared.notes, *deployed.notes),
    )
