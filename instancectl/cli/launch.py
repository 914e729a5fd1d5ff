"""`launch`: a host, init, check and deploy, for the impatient."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from instancectl import wiring
from instancectl.cli import options
from instancectl.cli.context import globals_of, own
from instancectl.cli.init import init
from instancectl.cli.relay import asking
from instancectl.core.host import relay
from instancectl.core.host.address import HostAddress
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
    no_provision: Annotated[
        bool, typer.Option("--no-provision", help="Take the host as it is; install and harden nothing.")
    ] = False,
) -> Result | int:
    """Init, check and deploy in one go; stops before anything is touched when a check fails.

    With `--host`, and on a bare server, the host is provisioned first; a machine with Docker stays as it is.
    """
    globals_ = globals_of(ctx)
    provision = not (no_provision or local)
    typed = relay.read(globals_.words, len(own(globals_.words)))
    target = wiring.launch_target(typed, globals_)
    if target is not None:
        _refuse_local(local, target)
        return wiring.launch_there(target, typed, globals_, provision=provision, ask=asking(globals_))
    ctx.obj = globals_ if local else wiring.launch_here(globals_, provision=provision)
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


def _refuse_local(local: bool, target: HostAddress) -> None:
    if local:
        raise typer.BadParameter(f"is for this machine, not for `{target}`", param_hint="--local")
