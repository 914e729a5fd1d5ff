"""The test mail, and how it reaches a mail catcher that only containers can reach."""

from __future__ import annotations

from instancectl.core.checks.seen import Letter, MailRoute
from instancectl.core.config import InstanceConfig
from instancectl.core.mastodon_env import MAIL_CATCHER_PORT


def letter(config: InstanceConfig, recipient: str) -> Letter:
    """A test mail from the address that Mastodon uses."""
    domain = config.instance.domain
    return Letter(
        config.mail.from_address or f"notifications@{domain}",
        recipient,
        f"Test mail from {domain}",
        f"This is a test mail from {domain}.\n\nIf you can read it, the instance can send mail: "
        "people will get their confirmation links.\n",
    )


def route(config: InstanceConfig) -> MailRoute:
    """The way out that the configuration names."""
    mail = config.mail
    return MailRoute(
        mail.server, mail.port, mail.tls, mail.starttls, mail.login, mail.auth_method, mail.verify == "peer"
    )


# `curl` is in the web image; the mail is built where nothing can be quoted wrongly.
_SEND = (
    'printf "From: %s\\r\\nTo: %s\\r\\nSubject: %s\\r\\n\\r\\n%s\\r\\n" "$1" "$2" "$3" "$4" '
    '| curl -sS --max-time 5 --url "$5" --mail-from "$1" --mail-rcpt "$2" -T -'
)


def catcher_argv(mail: Letter) -> tuple[str, ...]:
    """A command for a container beside the mail catcher; exits 0 when the mail was accepted."""
    catcher = f"smtp://mail:{MAIL_CATCHER_PORT}"
    return ("sh", "-c", _SEND, "sh", mail.sender, mail.recipient, mail.subject, mail.body, catcher)
