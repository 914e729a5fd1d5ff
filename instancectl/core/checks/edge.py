"""Checks of the way in: the site through its edge, its certificate, the client's address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.checks.seen import Certificate, ClientAddress, NoAnswer
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

RENEWAL_LEFT_PERCENT = 20
"""Caddy renews with a third of the lifetime left; below a fifth, several attempts have failed."""

EXPIRES_SOON_SECONDS = 21 * 86400
"""For certificates from files, which nobody renews automatically."""


def edge(facts: Facts) -> Judgement:
    """The site answers over HTTPS through this host's proxy."""
    if not facts.deployed:
        return Skipped("edge", _not_deployed(facts))
    answer, site = facts.edge, facts.config.site
    needed = f"https://{site}/health answers 200"
    if isinstance(answer, Unknown):
        return unknown("edge", answer, needed, "type `instancectl logs proxy`")
    if isinstance(answer, NoAnswer):
        return fail("edge", f"https://{site} does not answer: {answer.reason}", needed, _see("proxy"))
    seen = f"https://{site} answers {answer.status} in {show_seconds(answer.seconds)}"
    if facts.applied.maintenance is not None and answer.status == 503:
        return warn(
            "edge", f"{seen}: maintenance is on", needed, "type `instancectl maintenance off` when done"
        )
    if answer.status != 200:
        return fail("edge", seen, needed, _see("cache" if answer.status in {502, 503, 504} else "proxy"))
    return ok("edge", seen)


def certificate(facts: Facts) -> Judgement:
    """The certificate is valid, trusted where it should be, and renewed in time."""
    if not facts.deployed:
        return Skipped("certificate", _not_deployed(facts))
    answer, now = facts.edge, facts.now
    if isinstance(answer, Unknown | NoAnswer) or answer.certificate is None or isinstance(now, Unknown):
        why = answer if isinstance(answer, Unknown) else Unknown("nothing answered over HTTPS")
        return unknown("certificate", why, "an answer over HTTPS", _see("proxy"))
    config = facts.config
    private = config.tls.mode == "internal" or bool(config.tls.acme_directory)
    return _valid(answer.certificate, now, config.tls.mode, private=private)


def _valid(found: Certificate, now: float, mode: str, *, private: bool) -> Finding:
    left, lifetime = found.not_after - now, max(1.0, found.not_after - found.not_before)
    if left <= 0:
        return fail("certificate", f"expired {show_seconds(-left)} ago", "a valid certificate", _renew(mode))
    if found.not_before > now:
        return fail("certificate", "not valid yet", "a clock that is right", "see the `clock` check")
    if found.distrust and not private:
        return fail("certificate", f"not trusted: {found.distrust}", "a trusted certificate", _renew(mode))
    seen = f"valid for {show_seconds(left)}" + (", of a private authority" if private else "")
    late = left < EXPIRES_SOON_SECONDS if mode == "files" else 100 * left / lifetime < RENEWAL_LEFT_PERCENT
    return warn("certificate", seen, "renewed before", _renew(mode)) if late else ok("certificate", seen)


def _renew(mode: str) -> str:
    if mode == "files":
        return "put the new files where `tls.certificate` and `tls.key` point, then `instancectl deploy`"
    return "the proxy renews by itself and says why it cannot: type `instancectl logs proxy`"


def client_address(facts: Facts) -> Judgement:
    """Mastodon sees the address of who really asks."""
    if not facts.deployed:
        return Skipped("client-address", _not_deployed(facts))
    found = facts.client_address
    if isinstance(found, Unknown):
        return unknown("client-address", found, _NEEDED_ADDRESS, _see("proxy"))
    told = [sample for sample in found if sample.seen]
    wrong = [sample for sample in told if not _same(sample)]
    published = [sample for sample in wrong if ":" not in sample.via or _is_published(facts, sample.via)]
    if published:
        return fail("client-address", _replaced(published), _NEEDED_ADDRESS, _hint(published))
    right = [sample for sample in told if sample not in wrong]
    if right:
        seen = "; ".join(f"{one.own} arrives as itself" for one in right)
        return ok("client-address", seen + (f"; {_IPV6_LATER}" if wrong else ""))
    reason = next((one.error for one in found if one.error), "this host has no IPv4 address to ask through")
    return unknown("client-address", Unknown(reason), _NEEDED_ADDRESS, _see("proxy"))


_NEEDED_ADDRESS = "the client's own address in `X-Forwarded-For`"
_IPV6_LATER = "IPv6 is translated by Docker, so publish no AAAA record"


def _is_published(facts: Facts, address: str) -> bool:
    """Whether a name of the instance leads to the address; nobody else comes that way."""
    if isinstance(facts.names, Unknown):
        return False
    return any(address in answer.addresses for answer in facts.names)


def _replaced(wrong: list[ClientAddress]) -> str:
    told = "; ".join(f"a request from {one.own} arrived as {one.seen}" for one in wrong)
    return f"{told}: limits and blocks would hit everybody, and one bad peer shut out the fediverse"


def _same(sample: ClientAddress) -> bool:
    try:
        return _plain(sample.seen) == _plain(sample.own)
    except ValueError:
        return False


def _plain(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.split("%", maxsplit=1)[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _hint(wrong: list[ClientAddress]) -> str:
    if all(":" in sample.via for sample in wrong):
        return "Docker translates IPv6 here: remove the AAAA record that leads to this host"
    return (
        "remove what stands between (`proxy` must publish its ports in mode host), then `instancectl deploy`"
    )


def _see(service: str) -> str:
    return f"type `instancectl logs {service}`"


def _not_deployed(facts: Facts) -> str:
    return (
        "nothing is deployed yet"
        if facts.deployed is False
        else "nobody could see whether anything is deployed"
    )
