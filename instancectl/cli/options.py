"""Options that more than one command takes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated

import typer

LOCAL_DOMAIN = "mastodon.localhost"

Domain = Annotated[str, typer.Option(help="LOCAL_DOMAIN: second half of every address; permanent.")]
Owner = Annotated[str, typer.Option(help="Name of the first account, without @.")]
Email = Annotated[str | None, typer.Option(help="Its mail address; empty creates no account.")]
Mail = Annotated[str, typer.Option(help="smtp, catch (keep all mail on this host) or none.")]
SmtpServer = Annotated[str, typer.Option(help="The mail provider's server.")]
SmtpPort = Annotated[int, typer.Option(min=1, max=65535, help="587 with STARTTLS, 465 with TLS.")]
SmtpLogin = Annotated[
    str | None, typer.Option(help="Login there; its password comes from INSTANCECTL_SMTP_PASSWORD or a file.")
]
SmtpPasswordFile = Annotated[str, typer.Option(help="File that holds the password.")]
Local = Annotated[
    bool, typer.Option("--local", help=f"For this machine only: {LOCAL_DOMAIN}, own CA, mail is caught.")
]
AcceptRisk = Annotated[
    list[str] | None,
    typer.Option(
        "--accept-risk", metavar="CHECK", help="Deploy although this check fails: dns, smtp, …; repeatable."
    ),
]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="Any further key: section.key=value; repeatable.")
]


def named(slugs: Sequence[str] | None, known: Sequence[str], *, option: str, what: str) -> tuple[str, ...]:
    """The slugs as typed, all of them known.

    Raises:
        typer.BadParameter: one is not; suggests the nearest.
    """
    for slug in slugs or ():
        if slug not in known:
            close = difflib.get_close_matches(slug, known, 1)
            meant = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)}"
            raise typer.BadParameter(f"no {what} `{slug}`; {meant}", param_hint=option)
    return tuple(slugs or ())


def risks(slugs: Sequence[str] | None) -> tuple[str, ...]:
    """Checks whose `fail` shall not stop a deploy; not every check can be accepted."""
    if not slugs:
        return ()
    from instancectl.core.checks.registry import RISKS

    return named(slugs, RISKS, option="--accept-risk", what="risk")
