"""Submission servers of common mail providers, so that nobody has to look them up.

From the providers' own SMTP pages. All take STARTTLS on 587; 2525 helps where a hoster blocks 587.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailProvider:
    """One provider; `login` is what it wants as a login when that is the same for everybody."""

    name: str
    server: str
    login: str = ""
    port: int = 587


PROVIDERS: tuple[MailProvider, ...] = (
    MailProvider("Brevo", "smtp-relay.brevo.com"),
    MailProvider("Fastmail", "smtp.fastmail.com"),
    MailProvider("Mailgun (EU)", "smtp.eu.mailgun.org"),
    MailProvider("Mailgun (US)", "smtp.mailgun.org"),
    MailProvider("Mailjet", "in-v3.mailjet.com"),
    MailProvider("Postmark", "smtp.postmarkapp.com"),
    MailProvider("Scaleway", "smtp.tem.scaleway.com"),
    MailProvider("SendGrid", "smtp.sendgrid.net", login="apikey"),
    MailProvider("SMTP2GO", "mail.smtp2go.com"),
)
