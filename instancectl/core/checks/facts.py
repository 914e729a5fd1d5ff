"""Everything a check may judge by; what nobody looked at is `Unknown`, never empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from instancectl.core.applied import Applied
from instancectl.core.backup.figures import Figures
from instancectl.core.backup.wal_figures import WalFigures
from instancectl.core.budget import Budget
from instancectl.core.check import Finding
from instancectl.core.checks.seen import (
    Answer,
    ClientAddress,
    Disk,
    ImageSeen,
    Listener,
    MailTalk,
    Memory,
    NameAnswer,
    NoAnswer,
    Skew,
    StoreTrial,
    VersionSeen,
)
from instancectl.core.config import InstanceConfig
from instancectl.core.host.drift import FirewallSeen, KeySeen, PackagesSeen, UnitSeen
from instancectl.core.host.exposure import ExposureSeen
from instancectl.core.host.record import HostRecord
from instancectl.core.observed import Observed
from instancectl.core.probes import ReplicaAnswer
from instancectl.core.questions import MailDomain, PostgresAnswer, RedisAnswer
from instancectl.core.sizes import Layout
from instancectl.core.unknown import NOT_LOOKED, Known, Unknown


class Look(StrEnum):
    """One thing to look at; a check names those it needs, and nothing else is looked at."""

    MACHINE = "machine"
    PORTS = "ports"
    NAMES = "names"
    MAIL = "mail"
    OWNER_MAIL = "owner-mail"
    EDGE = "edge"
    CLIENT_ADDRESS = "client-address"
    STORE = "store"
    CLOCK = "clock"
    IMAGES = "images"
    PROBES = "probes"
    POSTGRES = "postgres"
    REDIS = "redis"
    EXPOSURE = "exposure"
    FIREWALL = "firewall"
    SSHD = "sshd"
    UNITS = "units"
    PACKAGES = "packages"
    KEYS = "keys"
    MANAGED = "managed"
    RECORD = "record"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is wanted, what was recorded and what was seen.

    Attributes:
        config: what the admin wants.
        secrets: what is wrong with them; empty when nothing is.
        layout: sizes of the services.
        memory_budget: bytes the layout needs, with its arithmetic.
        connection_budget: PostgreSQL connections it needs, with its arithmetic.
        applied: what earlier runs recorded.
        stack: the Engine and what runs of this stack.
        now: this host's time, seconds since 1970.
        addresses: global addresses of this host, IPv4 and IPv6.
        edge: the site's `/health` through the edge of this host.
        postgres: PostgreSQL asked directly; `NoAnswer` when it did not answer.
        redis: Redis, likewise.
        record: what provisioning did to this host; None when it never did.
        exposure: which ports answer from outside.
        firewall: our table, loaded and as its file has it.
        sshd: effective settings, keyword → values.
        units: those that provisioning enabled.
        packages: the package manager.
        keys: who may log in as the admin user.
        managed: path → SHA-256 of the files that provisioning wrote, as they are.
        backups: what this host remembers of its backups.
        wal: what it remembers of the WAL it sent away.
        agent: the last verdict of the agent of this host, as it answers.
    """

    config: InstanceConfig
    applied: Applied = field(default_factory=Applied)
    secrets: Known[tuple[Finding, ...]] = NOT_LOOKED
    layout: Known[Layout] = NOT_LOOKED
    memory_budget: Known[Budget] = NOT_LOOKED
    connection_budget: Known[Budget] = NOT_LOOKED
    stack: Known[Observed] = NOT_LOOKED
    now: Known[float] = NOT_LOOKED
    memory: Known[Memory] = NOT_LOOKED
    cores: Known[int] = NOT_LOOKED
    disk: Known[Disk] = NOT_LOOKED
    addresses: Known[tuple[str, ...]] = NOT_LOOKED
    listeners: Known[tuple[Listener, ...]] = NOT_LOOKED
    names: Known[tuple[NameAnswer, ...]] = NOT_LOOKED
    mail: Known[MailTalk] = NOT_LOOKED
    owner_mail: Known[MailDomain] = NOT_LOOKED
    edge: Known[Answer | NoAnswer] = NOT_LOOKED
    client_address: Known[tuple[ClientAddress, ...]] = NOT_LOOKED
    store: Known[StoreTrial] = NOT_LOOKED
    clock: Known[Skew] = NOT_LOOKED
    images: Known[tuple[ImageSeen, ...]] = NOT_LOOKED
    postgres_version: Known[VersionSeen] = NOT_LOOKED
    redis_version: Known[VersionSeen] = NOT_LOOKED
    probes: Known[tuple[ReplicaAnswer, ...]] = NOT_LOOKED
    postgres: Known[PostgresAnswer | NoAnswer] = NOT_LOOKED
    redis: Known[RedisAnswer | NoAnswer] = NOT_LOOKED
    record: Known[HostRecord | None] = NOT_LOOKED
    exposure: Known[ExposureSeen] = NOT_LOOKED
    firewall: Known[FirewallSeen] = NOT_LOOKED
    sshd: Known[Mapping[str, Sequence[str]]] = NOT_LOOKED
    units: Known[tuple[UnitSeen, ...]] = NOT_LOOKED
    packages: Known[PackagesSeen] = NOT_LOOKED
    keys: Known[tuple[KeySeen, ...]] = NOT_LOOKED
    managed: Known[Mapping[str, str]] = NOT_LOOKED
    backups: Known[Figures] = NOT_LOOKED
    wal: Known[WalFigures] = NOT_LOOKED
    agent: Known[Answer | NoAnswer] = NOT_LOOKED

    @property
    def deployed(self) -> bool | None:
        """Whether services of the stack exist; None when nobody could look."""
        return None if isinstance(self.stack, Unknown) else bool(self.stack.services)

    def serves(self, service: str) -> bool:
        """Whether at least one replica of a service runs, as far as anybody could see."""
        if isinstance(self.stack, Unknown):
            return False
        state = self.stack.services.get(service)
        return state is not None and state.running > 0
