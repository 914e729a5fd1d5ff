"""Options that more than one command takes."""

from __future__ import annotations

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
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="Any further key: section.key=value; repeatable.")
]
