"""What is asked of containers: versions, databases, replicas, the owner's mail domain, images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from instancectl.core import probes as probing
from instancectl.core import questions
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.mail import mail_domain, needs_lookup
from instancectl.core.checks.seen import ImageSeen, Letter, MailTalk, NoAnswer, VersionSeen
from instancectl.core.checks.software import tag_version
from instancectl.core.config import InstanceConfig
from instancectl.core.letter import catcher_argv
from instancectl.core.probes import ReplicaAnswer
from instancectl.core.questions import MailDomain
from instancectl.core.releases import Version, show_version
from instancectl.core.unknown import Known, Unknown
from instancectl.ports.container_probe import ContainerProbe
from instancectl.ports.dns_lookup import DnsLookup

T = TypeVar("T")

OUTWARD_NETWORK = "bridge"
"""Docker's default network, for an image that asks the world before there is a stack."""


def images(containers: ContainerProbe, config: InstanceConfig) -> tuple[ImageSeen, ...]:
    """Which of the images are on this host."""
    return tuple(
        ImageSeen(role, reference, containers.resolve_image(reference, pull=False) is not None)
        for role, reference in _roles(config)
    )


def _roles(config: InstanceConfig) -> tuple[tuple[str, str], ...]:
    named = config.images
    roles = [
        ("web", config.web_image),
        ("streaming", config.streaming_image),
        ("db", named.db),
        ("redis", named.redis),
        ("cache", named.cache),
        ("proxy", named.proxy),
    ]
    if config.mail.mode == "catch":
        roles.append(("mail", named.mail))
    return tuple(roles)


def probes(containers: ContainerProbe, facts: Facts) -> Known[tuple[ReplicaAnswer, ...]]:
    """What every replica answers, asked from the first vantage that runs."""
    vantage = next((name for name in probing.VANTAGES if facts.serves(name)), None)
    if vantage is None:
        return Unknown(f"neither {' nor '.join(probing.VANTAGES)} runs, so there is nowhere to ask from")
    argv = probing.argv(probing.probes(facts.config))
    return probing.read(containers.run_in(facts.config.stack, vantage, argv)[1])


def postgres(containers: ContainerProbe, facts: Facts) -> dict[str, Any]:
    """PostgreSQL's answer and version: of the running one, else of the image."""
    answer = _direct(containers, facts, "db", questions.POSTGRES_ARGV, questions.read_postgres)
    argv = questions.POSTGRES_VERSION_ARGV
    return {
        "postgres": answer,
        "postgres_version": _version(containers, facts, answer, facts.config.images.db, argv),
    }


def redis(containers: ContainerProbe, facts: Facts) -> dict[str, Any]:
    """Redis' answer and version, likewise."""
    answer = _direct(containers, facts, "redis", questions.REDIS_ARGV, questions.read_redis)
    argv = questions.REDIS_VERSION_ARGV
    return {
        "redis": answer,
        "redis_version": _version(containers, facts, answer, facts.config.images.redis, argv),
    }


def _direct(
    containers: ContainerProbe,
    facts: Facts,
    service: str,
    argv: Sequence[str],
    read: Callable[[str], T | None],
) -> Known[T | NoAnswer]:
    if isinstance(facts.stack, Unknown):
        return facts.stack
    if service not in facts.stack.services:
        return Unknown("nothing is deployed yet")
    if not facts.serves(service):
        return NoAnswer(f"no replica of `{service}` runs")
    code, output = containers.run_in(facts.config.stack, service, argv)
    answer = read(output)
    if answer is None:
        return NoAnswer(_last_line(output) or f"the question ended with {code}")
    return answer


def _version(
    containers: ContainerProbe, facts: Facts, answer: object, image: str, argv: Sequence[str]
) -> Known[VersionSeen]:
    running: Version | None = getattr(answer, "version", None)
    if running:
        return VersionSeen(show_version(running), "running")
    # Only before there is anything to ask: a container for a question takes longer than all the rest.
    if facts.deployed is False and containers.resolve_image(image, pull=False) is not None:
        code, output = containers.run_image(image, argv)
        if code == 0:
            return VersionSeen(_last_line(output), "image")
    tag = tag_version(image)
    if tag is None:
        return Unknown(f"the image `{image}` could not be asked, and its tag holds no version")
    return VersionSeen(show_version(tag), "tag")


def owner_mail(containers: ContainerProbe, dns: DnsLookup, facts: Facts) -> Known[MailDomain]:
    """What the DNS says about the owner's mail domain, asked the way Mastodon will ask."""
    if not needs_lookup(facts):
        return Unknown("nobody needs to look it up")
    config, domain = facts.config, mail_domain(facts.config)
    argv = questions.mail_domain_argv(domain)
    if facts.serves("web"):
        _, output = containers.run_in(config.stack, "web", argv)
    elif not isinstance(facts.stack, Unknown) and containers.resolve_image(config.web_image, pull=False):
        _, output = containers.run_image(config.web_image, argv, network=OUTWARD_NETWORK)
    else:
        return _from_host(dns, domain)
    found = questions.read_mail_domain(output)
    return Unknown(f"asking from a container: {_last_line(output)}") if found is None else found


def _from_host(dns: DnsLookup, domain: str) -> MailDomain:
    """While there is no image to ask from, the host's own name servers are the best guess."""
    exchangers = dns.exchangers(domain)
    names = () if exchangers.addresses == (".",) else (domain, *exchangers.addresses)
    answers = [dns.lookup(name) for name in names]
    addresses = tuple(address for answer in answers for address in answer.addresses)
    error = "" if addresses else next((one.error for one in (exchangers, *answers) if one.error), "")
    return MailDomain(exchangers.addresses, addresses, error, from_container=False)


def caught_mail(containers: ContainerProbe, facts: Facts, mail: Letter | None) -> Known[MailTalk]:
    """Hand a test mail to the mail catcher, which only containers reach."""
    if mail is None:
        return Unknown("mail stays on this host; `--send-test-mail` tries it")
    if not facts.serves("web"):
        return Unknown("the mail catcher cannot be reached: `web` does not run", "type `instancectl deploy`")
    code, output = containers.run_in(facts.config.stack, "web", catcher_argv(mail))
    if code:
        return MailTalk("send", _last_line(output))
    where = f"read it at https://mail.{facts.config.instance.domain}"
    return MailTalk(None, where, sent=True)


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else ""
