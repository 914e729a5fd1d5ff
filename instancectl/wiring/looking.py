"""What `check` and `status` need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import config_if_any, open_instance, state, swarm

if TYPE_CHECKING:
    from instancectl.core.applied import Applied
    from instancectl.core.check import Finding
    from instancectl.core.checks.facts import Facts
    from instancectl.core.config import InstanceConfig
    from instancectl.core.secret_set import SecretSet
    from instancectl.core.unknown import Known
    from instancectl.operations import check, status
    from instancectl.ports.host_facts import HostFacts
    from instancectl.ports.object_store import ObjectStore


T = TypeVar("T")


def checking(options: Globals) -> tuple[check.Senses, check.Subject]:
    """Everything a check needs; secrets that are wrong are something to tell, not a reason to stop."""
    from instancectl.adapters import secret_file
    from instancectl.core.check import Finding, Severity
    from instancectl.core.secret_set import SecretSet
    from instancectl.errors import ConfigError
    from instancectl.wiring.backing_up import figures
    from instancectl.wiring.sending import record

    opened = open_instance(options)
    try:
        found = secret_file.load(opened.paths.secrets_file)
        problems = found.problems(opened.config)
    except ConfigError as error:
        found = SecretSet()
        problems = (Finding("secrets", Severity.FAIL, error.message, hint=error.hint),)
    about = subject(opened.config, found, state(opened).load(), problems)
    backups, sent = _remembered(figures(opened).load), _remembered(record(opened).load)
    return senses(opened.config, found), replace(about, backups=backups, wal=sent)


def _remembered(load: Callable[[], T]) -> Known[T]:
    from instancectl.core.unknown import Unknown
    from instancectl.errors import OperationFailed

    try:
        return load()
    except OperationFailed as error:
        return Unknown(error.message, error.hint)


def senses(config: InstanceConfig, found: SecretSet) -> check.Senses:
    """What to look with; nothing is looked at yet."""
    from instancectl.adapters.daemon_threads import DaemonThreads
    from instancectl.adapters.dns_resolver import DnsResolver
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.adapters.http_probe import SocketHttpProbe
    from instancectl.adapters.smtp import SmtpServer
    from instancectl.adapters.time_source import KernelClock
    from instancectl.operations.check import Senses

    return Senses(
        containers=swarm(),
        host=PsutilHost(),
        dns=DnsResolver(),
        mail=SmtpServer(),
        http=SocketHttpProbe(),
        time=KernelClock(),
        together=DaemonThreads(),
        own=own_host(),
        store=(lambda: object_store(config, found)) if config.media.storage == "s3" else None,
    )


def subject(
    config: InstanceConfig, found: SecretSet, applied: Applied, problems: tuple[Finding, ...] = ()
) -> check.Subject:
    """Whose instance is looked at."""
    from instancectl.operations.check import Subject

    return Subject(config, applied, problems, found.get("SMTP_PASSWORD"))


def own_host() -> check.OwnHost:
    """This host, looked at from inside and from a network namespace of its own."""
    from instancectl.adapters.port_scan import NamespaceScan
    from instancectl.adapters.ssh import LocalShell
    from instancectl.operations.check import OwnHost

    return OwnHost(LocalShell(), NamespaceScan())


def exposure(options: Globals, vantage: str) -> tuple[check.OwnHost, HostFacts, InstanceConfig | None]:
    """This host, and the place to look from: here, or a host over SSH; no instance is needed."""
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.adapters.port_scan import RemoteScan
    from instancectl.core.host import address
    from instancectl.wiring.remote import reach

    own = own_host()
    if vantage:
        own = replace(own, scan=RemoteScan(reach(address.parse(vantage), options)))
    return own, PsutilHost(), config_if_any(options)


def object_store(config: InstanceConfig, found: SecretSet) -> ObjectStore:
    """The bucket that holds media."""
    from instancectl.adapters.s3 import S3Bucket
    from instancectl.core.checks.storage import endpoint_url

    media = config.media
    return S3Bucket(
        media.s3_bucket,
        media.s3_region,
        endpoint_url(media),
        found.get("AWS_ACCESS_KEY_ID"),
        found.get("AWS_SECRET_ACCESS_KEY"),
        media.s3_permission,
        path_style=media.s3_path_style,
    )


def health(options: Globals) -> status.Look:
    """Looks at everything that `status` shows."""
    from instancectl.core.checks import registry
    from instancectl.core.status import LOOKS
    from instancectl.operations.check import gather

    looking, about = checking(options)
    checks = registry.chosen(registry.HEALTH)

    def look() -> tuple[Facts, tuple[Finding, ...]]:
        facts = gather(looking, about, LOOKS | registry.looks(checks))
        return facts, registry.findings(registry.judge(checks, facts))

    return look
