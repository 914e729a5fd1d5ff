"""Checks of mail: the way out, and the owner's own address."""

from __future__ import annotations

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.checks.seen import MailTalk
from instancectl.core.config import InstanceConfig, Mail
from instancectl.core.questions import MailDomain
from instancectl.core.unknown import Unknown

_SENDER = "the provider must allow the sender: see `mail.from_address`, and verify the domain there"


def smtp(facts: Facts) -> Judgement:
    """The mail server answers, encrypts, and accepts the login."""
    mail, talk = facts.config.mail, facts.mail
    if mail.mode == "none":
        return warn(
            "smtp",
            "no mail is sent: nobody can confirm an address or get a new password",
            "a way out for mail",
            'set `mail.mode = "smtp"` and `mail.server`',
        )
    if isinstance(talk, Unknown):
        if mail.mode == "catch":
            return Skipped("smtp", 'mail stays on this host (`mail.mode = "catch"`)')
        return unknown("smtp", talk, f"an answer of {mail.server}:{mail.port}", _try(mail))
    if talk.failed_at is not None:
        return _failed(mail, talk)
    return _went_well(mail, talk)


def _went_well(mail: Mail, talk: MailTalk) -> Finding:
    receipt = f"; the test mail was accepted: {talk.said}" if talk.sent else ""
    if mail.mode == "catch":
        return ok("smtp", f"mail stays on this host{receipt}")
    where = f"{mail.server}:{mail.port}"
    login = "logged in" if talk.authenticated else "no login"
    seen = f"{where} answered, {talk.tls or 'in the clear'}, {login}{receipt}"
    if not talk.tls and mail.login:
        return warn(
            "smtp",
            f"{seen}: the password crosses the network readable",
            "TLS",
            'set `mail.starttls = "always"`'
            if talk.offers_starttls
            else "ask the provider for a port with TLS",
        )
    if not talk.tls and talk.offers_starttls:
        return warn(
            "smtp", f"{seen}, though the server offers STARTTLS", "TLS", 'set `mail.starttls = "always"`'
        )
    return ok("smtp", seen)


def _failed(mail: Mail, talk: MailTalk) -> Finding:
    where = f"{mail.server}:{mail.port}" if mail.mode == "smtp" else "the mail catcher"
    reasons = {
        "connect": (f"{where} cannot be reached: {talk.said}", "a mail server that answers", _blocked(mail)),
        "greeting": (f"{where} answered, but not as a mail server: {talk.said}", "a greeting", _port(mail)),
        "tls": (
            f"TLS with {where} did not come about: {talk.said}",
            "a trusted certificate",
            _tls(mail, talk),
        ),
        "starttls": (f"{where}: {talk.said}", "STARTTLS", _port(mail)),
        "auth": (f"{where} refused the login: {talk.said}", "an accepted login", _login(mail, talk)),
        "send": (f"{where} refused the test mail: {talk.said}", "an accepted mail", _SENDER),
    }
    seen, needed, hint = reasons[talk.failed_at or "connect"]
    return fail("smtp", seen, needed, hint)


def _try(mail: Mail) -> str:
    return (
        f"type `openssl s_client -connect {mail.server}:{mail.port}{'' if mail.tls else ' -starttls smtp'}`"
    )


def _blocked(mail: Mail) -> str:
    if mail.port == 25:
        return "most providers block port 25: use the mail provider's port 587 (`mail.port`)"
    return f"see `mail.server` and `mail.port`; {_try(mail)}; some hosters block mail ports"


def _port(mail: Mail) -> str:
    if mail.port == 465 and not mail.tls:
        return 'port 465 speaks TLS from the start: set `mail.tls = true` and `mail.starttls = "never"`'
    if mail.tls:
        return f'port {mail.port} may want STARTTLS: set `mail.tls = false` and `mail.starttls = "always"`'
    return f"see `mail.port` and `mail.starttls`; {_try(mail)}"


def _tls(mail: Mail, talk: MailTalk) -> str:
    if "wrong version number" in talk.said.lower() or "record layer" in talk.said.lower():
        return _port(mail)
    return f"use the name in the server's certificate as `mail.server`; {_try(mail)}"


def _login(mail: Mail, talk: MailTalk) -> str:
    offered = ", ".join(talk.auth_offered)
    if offered and mail.auth_method not in talk.auth_offered:
        return f"the server offers {offered}: set `mail.auth_method`"
    return "see `mail.login`, and SMTP_PASSWORD in `secrets.env`; many providers want an app password"


def owner_mail(facts: Facts) -> Judgement:
    """Mastodon accepts the owner's address: its domain resolves from inside a container."""
    return _settled(facts) or _looked_up(facts, mail_domain(facts.config))


def needs_lookup(facts: Facts) -> bool:
    """Whether the owner's mail domain has to be asked for at all."""
    return _settled(facts) is None


def _settled(facts: Facts) -> Judgement | None:
    config = facts.config
    domain = mail_domain(config)
    if not domain:
        return Skipped("owner-mail", "no owner account is wanted (`owner.email` is empty)")
    if facts.applied.owner_done:
        return ok("owner-mail", "the owner account exists")
    if domain in allowed_mail_domains(config):
        return ok("owner-mail", f"`{domain}` is in EMAIL_DOMAIN_ALLOWLIST, so Mastodon does not look it up")
    if is_own_name(config, domain) and not facts.serves("proxy"):
        return ok("owner-mail", f"`{domain}` is this instance's own name, which its containers will find")
    return None


def _looked_up(facts: Facts, domain: str) -> Finding:
    found = facts.owner_mail
    needed = f"an MX, A or AAAA record of `{domain}` that the containers find"
    hint = f"type `dig {domain} MX`; if it is there, see /etc/resolv.conf; or set `owner.email`"
    if isinstance(found, Unknown):
        return unknown("owner-mail", found, needed, hint)
    if found.error:
        return unknown("owner-mail", Unknown(f"asking from a container: {found.error}"), needed, hint)
    if found.reachable:
        return ok("owner-mail", f"`{domain}` resolves {_asked(found)} ({found.addresses[0]})")
    return fail("owner-mail", _why_unreachable(domain, found), needed, hint)


def _asked(found: MailDomain) -> str:
    return (
        "from inside a container" if found.from_container else "on this host (no image here yet to ask from)"
    )


def mail_domain(config: InstanceConfig) -> str:
    """The domain of the owner's address."""
    return config.owner.email.rpartition("@")[2].lower()


def is_own_name(config: InstanceConfig, domain: str) -> bool:
    """Whether the containers get the name from the proxy itself."""
    return config.tls.mode == "internal" and domain in {config.instance.domain, config.site}


def allowed_mail_domains(config: InstanceConfig) -> frozenset[str]:
    """Domains that Mastodon accepts unseen."""
    listed = config.mastodon.env.get("EMAIL_DOMAIN_ALLOWLIST", "")
    return frozenset(part.strip().lower() for part in listed.split("|") if part.strip())


def _why_unreachable(domain: str, found: MailDomain) -> str:
    exchangers = found.exchangers
    refusal = "Mastodon would refuse the owner with `email unreachable`"
    if exchangers == (".",):
        return f"`{domain}` says that it takes no mail (null MX): {refusal}"
    if exchangers:
        return f"`{domain}` has MX {', '.join(exchangers)}, none of which has an address: {refusal}"
    return f"`{domain}` has no MX, A or AAAA record, asked {_asked(found)}: {refusal}"
