"""The check of names in the DNS against the addresses of this host."""

from __future__ import annotations

from ipaddress import ip_address

from instancectl.core.check import Finding, Severity, verdict
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import fail, ok, unknown, warn
from instancectl.core.checks.seen import NameAnswer
from instancectl.core.config import InstanceConfig
from instancectl.core.unknown import Unknown

NEVER_PUBLIC = (
    "localhost",
    "test",
    "example",
    "invalid",
    "local",
    "internal",
    "home.arpa",
    "lan",
    "onion",
    "alt",
)
"""Names below these are in no public DNS (RFC 2606, 6761, 6762, 7686, 8375, 9476; ICANN for `internal`)."""


def needed_names(config: InstanceConfig) -> tuple[str, ...]:
    """Every name that people or certificate authorities must find here."""
    names = [config.instance.domain, config.site, *config.instance.alternate_domains]
    if config.proxy.www_redirect:
        names.append(f"www.{config.instance.domain}")
    if config.mail.mode == "catch":
        names.append(f"mail.{config.instance.domain}")
    return tuple(dict.fromkeys(name for name in names if name))


def is_never_public(name: str) -> bool:
    """Whether a name cannot be in the public DNS."""
    return any(name == suffix or name.endswith(f".{suffix}") for suffix in NEVER_PUBLIC)


def asks_public_authority(config: InstanceConfig) -> bool:
    """Whether certificates come from an authority that looks at the public DNS."""
    return config.tls.mode == "acme" and not config.tls.acme_directory


def dns(facts: Facts) -> Finding:
    """Every name leads to this host, and nowhere else."""
    config = facts.config
    private = tuple(name for name in needed_names(config) if is_never_public(name))
    if private and asks_public_authority(config):
        return fail(
            "dns",
            f"`{private[0]}` cannot be in the public DNS, so no public authority certifies it",
            "a public domain, or certificates of your own",
            'set `tls.mode = "internal"` to try things out on this machine',
        )
    if len(private) == len(needed_names(config)):
        return ok("dns", f"{_join(private)} cannot be in the public DNS; nothing to compare")
    answers, own = facts.names, facts.addresses
    if isinstance(answers, Unknown):
        return unknown("dns", answers, "names that lead to this host", f"type `dig +short {config.site}`")
    if isinstance(own, Unknown):
        return unknown("dns", own, "this host's addresses", "type `ip -brief address`")
    return _worst([_one(config, answer, own) for answer in answers if not is_never_public(answer.name)])


def _one(config: InstanceConfig, answer: NameAnswer, own: tuple[str, ...]) -> Finding:
    name = f"`{answer.name}`"
    public = tuple(address for address in own if ip_address(address).is_global)
    here = _join(public or own) or "no address"
    if answer.error:
        return unknown(
            "dns", Unknown(f"{name}: {answer.error}"), f"{name} → {here}", f"type `dig {answer.name}`"
        )
    if not answer.addresses:
        return _bad(
            config, f"{name} has no address in the DNS", f"an A record for {name} → {here}", answer.name
        )
    seen = f"{name} → {_join(answer.addresses)}"
    elsewhere = tuple(address for address in answer.addresses if address not in own)
    if not elsewhere:
        return ok("dns", f"{seen}, this host")
    if len(elsewhere) < len(answer.addresses):
        return warn(
            "dns",
            f"{seen}; {_join(elsewhere)} is not this host ({here})",
            f"no record of {name} that leads elsewhere: some visitors, maybe the authority, go there",
            f"remove the record with {_join(elsewhere)}, or add the address to this host",
        )
    if not public:
        return unknown(
            "dns",
            Unknown(
                f"{seen}; this host only has private addresses ({here}), so something in front translates"
            ),
            f"ports 80 and 443 of {_join(elsewhere)} forwarded to this host",
            "see the cloud's or the router's forwarding, and open the site from elsewhere after `deploy`",
        )
    return _bad(config, f"{seen}, but this host is {here}", f"{name} → {here}", answer.name)


def _bad(config: InstanceConfig, seen: str, needed: str, name: str) -> Finding:
    """Fatal where a public authority will ask; elsewhere the admin may know better."""
    hint = f"change the record where the domain is registered, then wait until `dig +short {name}` shows it"
    if asks_public_authority(config):
        return fail("dns", seen, needed, hint)
    return warn("dns", seen, needed, hint)


def _worst(findings: list[Finding]) -> Finding:
    """One finding for all names: the worst of them, with everything that was seen at that severity."""
    worst = verdict(findings)
    told = [finding for finding in findings if finding.severity is worst]
    seen = "; ".join(finding.seen for finding in told)
    if worst is Severity.OK:
        return ok("dns", seen)
    return Finding("dns", worst, seen, "; ".join(finding.needed for finding in told), told[0].hint)


def _join(names: tuple[str, ...]) -> str:
    return ", ".join(names)
