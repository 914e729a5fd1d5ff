"""What no single key shows: keys that contradict each other, or cannot work together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from instancectl.core.adoption import looks_secret
from instancectl.core.check import Finding, Severity
from instancectl.core.config import InstanceConfig

_UNCERTIFIABLE = (".localhost", ".local", ".test", ".internal", ".invalid", ".example", ".lan", ".home.arpa")
"""Endings no public certificate authority vouches for (RFC 2606, 6761, 6762, 8375; ICANN's .internal)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One contradiction: when it holds, what was seen, what is needed, what to type."""

    slug: str
    severity: Severity
    broken: Callable[[InstanceConfig], bool]
    seen: str
    needed: str
    hint: str


def contradictions(config: InstanceConfig) -> Iterator[Finding]:
    """A finding for every rule that is broken."""
    for rule in RULES:
        if rule.broken(config):
            yield Finding(f"config-{rule.slug}", rule.severity, rule.seen, rule.needed, rule.hint)


def _needs_public_name(config: InstanceConfig) -> bool:
    return (
        config.tls.mode == "acme" and not config.tls.acme_directory and config.site.endswith(_UNCERTIFIABLE)
    )


def _bare_endpoint(config: InstanceConfig) -> bool:
    endpoint = config.media.s3_endpoint
    return (
        config.media.storage == "s3" and bool(endpoint) and not endpoint.startswith(("https://", "http://"))
    )


def _secret_in_sight(config: InstanceConfig) -> bool:
    return any(looks_secret(name, value) for name, value in config.mastodon.env.items())


RULES: tuple[Rule, ...] = (
    Rule("mail-server", Severity.FAIL, lambda config: config.mail.mode == "smtp" and not config.mail.server,
         '`mail.mode = "smtp"` without `mail.server`', "a mail server",
         'set `mail.server`, or `mail.mode = "catch"` to try things out'),
    Rule("mail-none", Severity.WARN,
         lambda config: config.mail.mode == "none" and config.registrations.mode != "none",
         "no mail is sent, but people may sign up: nobody can confirm an address", "a mail server",
         'set `[mail]`, or `registrations.mode = "none"`'),
    Rule("acme-name", Severity.FAIL, _needs_public_name,
         "no public authority gives a certificate for such a name", "a public domain",
         'set `tls.mode = "internal"`, or `tls.acme_directory` to an authority of your own'),
    Rule("s3-endpoint", Severity.FAIL, _bare_endpoint,
         "`media.s3_endpoint` is no address", "an address with its scheme",
         'write `s3_endpoint = "https://…"`'),
    Rule("single-user", Severity.WARN,
         lambda config: config.instance.single_user and config.registrations.mode == "open",
         "`instance.single_user` closes registrations, `registrations.mode` opens them", "one of both",
         'set `registrations.mode = "none"`'),
    Rule("ports", Severity.FAIL, lambda config: config.proxy.http_port == config.proxy.https_port,
         "`proxy.http_port` and `proxy.https_port` are the same", "two ports", "change one of them"),
    Rule("env-secret", Severity.WARN, _secret_in_sight,
         "`[mastodon.env]` holds what looks like a secret, and everybody may read this file",
         "secrets in `secrets.env`", "move the line to `secrets.env`: it reaches Mastodon from there too"),
)  # fmt: skip
"""In the order of the file."""
