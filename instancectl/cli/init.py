"""`init`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from instancectl import wiring
from instancectl.cli import options
from instancectl.cli.context import globals_of
from instancectl.cli.wizard import Answers, Terminal, interview
from instancectl.core.invocation import Globals
from instancectl.core.result import Result

if TYPE_CHECKING:
    from instancectl.core.adoption import Adoption
    from instancectl.core.config_keys import Value


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    ctx: typer.Context,
    *,
    domain: options.Domain = "",
    web_domain: Annotated[str, typer.Option(help="Where the site is served, if elsewhere; permanent.")] = "",
    owner: options.Owner = "",
    email: options.Email = None,
    mail: options.Mail = "",
    smtp_server: options.SmtpServer = "",
    smtp_port: options.SmtpPort = 587,
    smtp_login: options.SmtpLogin = None,
    smtp_password_file: options.SmtpPasswordFile = "",
    layout: Annotated[str, typer.Option(help="auto, tiny, small, medium or large.")] = "",
    release: Annotated[str, typer.Option(help="Mastodon release, X.Y.Z.")] = "",
    local: options.Local = False,
    from_env: Annotated[
        str, typer.Option(help="Adopt settings and secrets of an existing server's .env.production.")
    ] = "",
    setting: options.Setting = None,
    directory: Annotated[str, typer.Option(help="Where to write; here by default.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written; write nothing.")
    ] = False,
) -> Result:
    """Write an annotated instance.toml and make the secrets; what is there is never replaced."""
    from instancectl.core.config_errors import assigned
    from instancectl.core.secret_set import from_values
    from instancectl.operations import init as operation

    globals_ = globals_of(ctx)
    around = wiring.initialisation(globals_, directory)
    adopted = wiring.adoption(from_env) if from_env else None
    flags = {
        "instance.domain": domain,
        "instance.web_domain": web_domain,
        "instance.layout": layout,
        "instance.release": release,
        "owner.username": owner,
        "owner.email": email,
        **_mail_flags(mail, smtp_server, smtp_port, smtp_login),
    }
    wanted = {path: value for path, value in flags.items() if value not in {"", None}}
    if email == "":
        wanted["owner.email"] = ""
    if local:
        wanted = {**_local(domain or options.LOCAL_DOMAIN, owner or "admin"), **wanted}
    wanted |= dict(assigned(text) for text in setting or ())
    known = Answers(wanted, _password(smtp_password_file, wanted))
    if around.config_store.load() is None:
        known = _completed(known, globals_, adopted)
    request = operation.Request(known.wanted, from_values(known.secrets), adopted)
    prepared = operation.prepare(request, around)
    return operation.describe(prepared, around) if dry_run else operation.write(prepared, around)


def _local(domain: str, owner: str) -> dict[str, Value]:
    """For this machine only: no public name, no certificate authority, no mail that leaves."""
    return {
        "instance.domain": domain,
        "owner.username": owner,
        "owner.email": f"{owner}@{domain}",
        "mail.mode": "catch",
        "tls.mode": "internal",
        "media.storage": "local",
    }


def _mail_flags(mode: str, server: str, port: int, login: str | None) -> dict[str, Value | None]:
    if not server:
        return {"mail.mode": mode}
    tls: dict[str, Value | None] = {"mail.tls": True, "mail.starttls": "never"} if port == 465 else {}
    found: dict[str, Value | None] = {"mail.mode": mode or "smtp", "mail.server": server, "mail.port": port}
    if login is not None:
        tls["mail.auth_method"] = "" if login else "none"
    return {**found, **tls, "mail.login": login}


def _password(file: str, wanted: Mapping[str, Value]) -> dict[str, str]:
    found = wiring.smtp_password(file)
    return {"SMTP_PASSWORD": found} if found and wanted.get("mail.login") else {}


def _completed(known: Answers, globals_: Globals, adopted: Adoption | None) -> Answers:
    """What is still open is asked on a terminal and refused elsewhere, never waited for."""
    if adopted:
        # Its accounts come with its database; everything else it did not say keeps the default.
        adopted_wanted = {
            **adopted.wanted,
            "owner.email": "",
            "owner.username": "admin",
            "media.storage": "local",
        }
        known = Answers({**adopted_wanted, **known.wanted}, known.secrets)
        if adopted.secrets.get("SMTP_PASSWORD"):
            known.secrets.setdefault("SMTP_PASSWORD", adopted.secrets.reveal("SMTP_PASSWORD"))
    if sys.stdin.isatty() and not globals_.json:
        return interview(known, Terminal())
    wanted = known.wanted
    if "instance.domain" not in wanted:
        raise _missing("--domain", "the domain of the instance")
    if "owner.email" not in wanted:
        raise _missing("--email", "the owner's mail address (empty creates no account)")
    if "mail.mode" not in wanted:
        raise _missing("--smtp-server", "the mail server (or say `--mail catch` or `--mail none`)")
    if wanted.get("mail.login") and "SMTP_PASSWORD" not in known.secrets:
        raise _missing(
            "--smtp-password-file", "the password of the mail server (or set INSTANCECTL_SMTP_PASSWORD)"
        )
    return known


def _missing(option: str, what: str) -> typer.BadParameter:
    return typer.BadParameter(f"missing, and this is no terminal to ask on: give {what}", param_hint=option)
