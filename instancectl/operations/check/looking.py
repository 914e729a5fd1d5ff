"""Looks at everything a set of checks needs, side by side and with one deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from instancectl.core import budget
from instancectl.core.applied import Applied
from instancectl.core.backup.figures import Figures
from instancectl.core.backup.wal_figures import WalFigures
from instancectl.core.check import Finding
from instancectl.core.checks.facts import Facts, Look
from instancectl.core.checks.seen import Letter
from instancectl.core.config import InstanceConfig
from instancectl.core.host.placement import rooms
from instancectl.core.host.record import HostRecord
from instancectl.core.layout import Machine, derive, planned_machine, usable
from instancectl.core.observed import Observed
from instancectl.core.secrets import Secret
from instancectl.core.unknown import NOT_LOOKED, Known, Unknown
from instancectl.errors import InstanceError
from instancectl.operations.check import containers, outside, own_host
from instancectl.operations.check.own_host import OwnHost
from instancectl.ports.container_probe import ContainerProbe
from instancectl.ports.dns_lookup import DnsLookup
from instancectl.ports.host_facts import HostFacts
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.mail_server import MailServer
from instancectl.ports.object_store import ObjectStore
from instancectl.ports.time_source import TimeSource
from instancectl.ports.together import Together

STACK_SECONDS = 3
LOOK_SECONDS = 7
"""Together the most a check takes when everything hangs."""

DOCKER_DIRECTORY = "/var/lib/docker"
"""Docker's default, while nobody can ask the Engine."""


@dataclass(frozen=True, slots=True)
class Senses:
    """Everything to look with.

    `own` looks at this host as provisioning made it.
    `store` is None unless media are kept in one, and made only when looked at.
    """

    containers: ContainerProbe
    host: HostFacts
    dns: DnsLookup
    mail: MailServer
    http: HttpProbe
    time: TimeSource
    together: Together
    own: OwnHost
    store: Callable[[], ObjectStore] | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose instance it is.

    Attributes:
        secrets: what is wrong with them; empty when nothing is.
        mail_password: for the login at the mail server; may be empty.
        backups: what this host remembers of its backups.
        wal: what it remembers of the WAL it sent away.
    """

    config: InstanceConfig
    applied: Applied = field(default_factory=Applied)
    secrets: Known[tuple[Finding, ...]] = NOT_LOOKED
    mail_password: Secret = field(default_factory=lambda: Secret(""))
    backups: Known[Figures] = NOT_LOOKED
    wal: Known[WalFigures] = NOT_LOOKED


Looks = Mapping[str, Callable[[], Any]]


def gather(
    senses: Senses,
    subject: Subject,
    wanted: frozenset[Look],
    *,
    stack: Observed | None = None,
    mail: Letter | None = None,
) -> Facts:
    """Everything these looks bring home; what nobody could see is `Unknown`.

    Args:
        senses: what to look with.
        subject: whose instance it is.
        wanted: what to look at.
        stack: as just observed; None looks.
        mail: a test mail to hand over to the mail server.
    """
    first = _first(senses, subject, wanted, stack)
    facts = Facts(
        subject.config,
        subject.applied,
        secrets=subject.secrets,
        now=senses.time.epoch_seconds(),
        backups=subject.backups,
        wal=subject.wal,
        **first,
    )
    looks: dict[str, Callable[[], Any]] = {}
    for look in sorted(wanted):
        looks |= _looks(look, senses, subject, facts, mail)
    seen: dict[str, Any] = dict(senses.together.run(looks, LOOK_SECONDS))
    for pair in ("postgres", "redis"):
        # One question answers two: is it there, and which version is it?
        if pair in seen:
            both = seen[pair]
            seen |= both if isinstance(both, dict) else {pair: both, f"{pair}_version": both}
    return _with_layout(replace(facts, **seen))


def _first(
    senses: Senses, subject: Subject, wanted: frozenset[Look], stack: Observed | None
) -> dict[str, Any]:
    """What decides about the other looks: the Engine, and whether this host was provisioned."""
    looks: dict[str, Callable[[], Any]] = {}
    if stack is None:
        looks["stack"] = lambda: senses.containers.observe(subject.config.stack)
    if wanted & own_host.LOOKS:
        looks["record"] = lambda: own_host.read_record(senses.own.shell)
    seen = dict(senses.together.run(looks, STACK_SECONDS))
    return seen if stack is None else {**seen, "stack": stack}


def _looks(look: Look, senses: Senses, subject: Subject, facts: Facts, mail: Letter | None) -> Looks:
    """Fields of `Facts` and how to see them."""
    if look in own_host.LOOKS:
        return _own_looks(look, senses, facts)
    machine = senses.host
    table: dict[Look, Looks] = {
        Look.MACHINE: {
            "memory": machine.memory,
            "cores": machine.cores,
            "disk": lambda: machine.disk(_docker_directory(facts)),
        },
        Look.PORTS: {"listeners": lambda: machine.listeners(_published(subject.config))},
        Look.NAMES: {
            "addresses": machine.addresses,
            "names": lambda: outside.names(senses.dns, senses.together, subject.config),
        },
        Look.MAIL: {"mail": lambda: _mail(senses, subject, facts, mail)},
        Look.OWNER_MAIL: {"owner_mail": lambda: containers.owner_mail(senses.containers, senses.dns, facts)},
        Look.EDGE: {"edge": lambda: outside.edge(senses.http, facts)},
        Look.AGENT: {"agent": lambda: outside.agent(senses.http, subject.config)},
        Look.CLIENT_ADDRESS: {
            "client_address": lambda: outside.client_addresses(senses.http, machine, facts),
        },
        Look.STORE: {"store": lambda: outside.store(senses.store and senses.store(), facts.now)},
        Look.CLOCK: {
            "clock": lambda: outside.clock(senses.http, senses.time, senses.together, subject.config)
        },
        Look.IMAGES: {"images": lambda: containers.images(senses.containers, subject.config)},
        Look.PROBES: {"probes": lambda: containers.probes(senses.containers, facts)},
        Look.POSTGRES: {"postgres": lambda: containers.postgres(senses.containers, facts)},
        Look.REDIS: {"redis": lambda: containers.redis(senses.containers, facts)},
    }
    return table[look]


def _own_looks(look: Look, senses: Senses, facts: Facts) -> Looks:
    """Nothing on a host that was not provisioned: there is nothing to compare with."""
    if not isinstance(facts.record, HostRecord):
        return {}
    return own_host.looks(look, senses.own, senses.host, facts.record)


def _mail(senses: Senses, subject: Subject, facts: Facts, mail: Letter | None) -> Any:
    if subject.config.mail.mode == "catch":
        return containers.caught_mail(senses.containers, facts, mail)
    return outside.mail(senses.mail, subject.config, subject.mail_password, mail)


def _docker_directory(facts: Facts) -> str:
    return DOCKER_DIRECTORY if isinstance(facts.stack, Unknown) else facts.stack.engine.root_directory


def _published(config: InstanceConfig) -> tuple[int, ...]:
    return (config.proxy.http_port, config.proxy.https_port)


def _with_layout(facts: Facts) -> Facts:
    """Add the layout and its budgets, for the Engine's machine, or this host while there is no Engine."""
    machine = _machine(facts)
    if isinstance(machine, Unknown):
        return replace(facts, layout=machine, memory_budget=machine, connection_budget=machine)
    nodes = () if isinstance(facts.stack, Unknown) else facts.stack.nodes
    others = rooms(facts.config.stack, nodes)
    try:
        layout = derive(facts.config, machine, others)
    except InstanceError as error:
        why = Unknown(error.message, error.hint)
        return replace(facts, layout=why, memory_budget=why, connection_budget=why)
    return replace(
        facts,
        layout=layout,
        memory_budget=budget.memory(
            layout, planned_machine(facts.config, machine), usable(facts.config, others)
        ),
        connection_budget=budget.connections(layout),
    )


def _machine(facts: Facts) -> Known[Machine]:
    if not isinstance(facts.stack, Unknown):
        engine = facts.stack.engine
        return Machine(engine.memory_bytes, engine.cores)
    if isinstance(facts.memory, Unknown):
        return facts.memory
    if isinstance(facts.cores, Unknown):
        return facts.cores
    return Machine(facts.memory.total_bytes, facts.cores)
