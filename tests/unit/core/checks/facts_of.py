"""Facts in which all is well, to be changed one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from instancectl.core import budget
from instancectl.core.applied import Applied
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.host import STRICT
from instancectl.core.checks.seen import (
    Answer,
    Certificate,
    ClientAddress,
    Disk,
    ImageSeen,
    MailTalk,
    Memory,
    NameAnswer,
    Skew,
    StoreTrial,
    VersionSeen,
)
from instancectl.core.config import InstanceConfig
from instancectl.core.host.drift import FirewallSeen, KeySeen, PackagesSeen, UnitSeen
from instancectl.core.host.exposure import AddressSeen, ExposureSeen, Holders, read_ports
from instancectl.core.layout import Machine, derive
from instancectl.core.observed import Engine, Observed, ServiceState, Task
from instancectl.core.probes import ReplicaAnswer, probes
from instancectl.core.questions import MailDomain, PostgresAnswer, RedisAnswer, SidekiqProcess, TextOrder
from instancectl.core.service import PublishedPort, ServiceSpec
from instancectl.core.sizes import QUEUES
from tests.fakes.own_host import RECORD

GIB = 1024**3
DAY = 86400
NOW = 1_795_326_295.0  # 2026-11-22
DOMAIN = "social.dev.org"
PUBLIC = "9.9.9.9"  # documentation addresses would not count as public
MACHINE = Machine(8 * GIB, 4)

WELL = {"web": 200, "federation": 200, "api": 200, "streaming": 401}


def config_of(**sections: dict[str, Any]) -> InstanceConfig:
    """A configuration with mail, an owner and these sections."""
    base: dict[str, dict[str, Any]] = {
        "instance": {"domain": DOMAIN},
        "owner": {"email": "admin@dev.org"},
        "mail": {"server": "mail.dev.org", "login": "mastodon"},
    }
    merged = {name: {**base.get(name, {}), **sections.get(name, {})} for name in {*base, *sections}}
    return InstanceConfig.model_validate(merged)


def state_of(
    name: str, *, running: int = 1, replicas: int = 1, ports: tuple[PublishedPort, ...] = ()
) -> ServiceState:
    tasks = tuple(Task(f"{name}{n}", n, "running", "running", f"{name}:1") for n in range(running))
    return ServiceState(name, ServiceSpec(name, f"{name}:1", replicas=replicas, ports=ports), tasks=tasks)


def stack_of(*names: str, engine: Engine | None = None) -> Observed:
    """A stack in which these services run."""
    published = (PublishedPort(80, 80), PublishedPort(443, 443), PublishedPort(443, 443, "udp"))
    states = {name: state_of(name, ports=published if name == "proxy" else ()) for name in names}
    return Observed(
        engine or Engine("28.5.1", "1.51", "active", True, "n", {}, MACHINE.cores, MACHINE.memory_bytes),
        states,
    )


ALL = ("db", "redis", "web", "streaming", "sidekiq", "cache", "proxy")


def answers_of(config: InstanceConfig, **statuses: int) -> tuple[ReplicaAnswer, ...]:
    """What two replicas answer: well, unless another status is given."""
    return tuple(
        ReplicaAnswer(one.surface, f"10.0.1.{n}", statuses.get(one.surface, WELL[one.surface]), 0.01)
        for one in probes(config)
        for n in (1, 2)
    )


def redis_of(*processes: SidekiqProcess, **changes: Any) -> RedisAnswer:
    well = RedisAnswer((8, 0), "noeviction", True, True, 10, 100, processes, {"default": 3}, 1, 0, 0)
    return replace(well, **changes)


def process_of(
    identity: str = "host:1:a", queues: tuple[str, ...] = QUEUES, age: float = 3.0, **changes: Any
) -> SidekiqProcess:
    return replace(SidekiqProcess(identity, queues, age, False, 0, 5), **changes)


HOST: dict[str, Any] = {
    "record": RECORD,
    "exposure": ExposureSeen(
        "from outside",
        (AddressSeen(PUBLIC, (22, 80, 443), 30, 0, (443,), udp_judged=True),),
        Holders(),
        read_ports(RECORD.intended_ports),
        33,
    ),
    "firewall": FirewallSeen("table", "table"),
    "sshd": {"port": ("22",), **{key: (value,) for key, value in STRICT.items()}},
    "units": tuple(UnitSeen(name, "loaded", "active", "enabled", True, "simple") for name in RECORD.units),
    "packages": PackagesSeen((), True, (), 3600),
    "keys": (KeySeen("a@laptop"),),
    "managed": dict(RECORD.files),
}
"""A provisioned host in which nothing is wrong."""


def facts_of(config: InstanceConfig | None = None, **changes: Any) -> Facts:
    """A running instance in which nothing is wrong, with these facts changed."""
    config = config or config_of()
    layout = derive(config, MACHINE)
    well = Facts(
        config,
        Applied(local_domain=config.instance.domain, web_domain=config.instance.web_domain, owner_done=True),
        secrets=(),
        layout=layout,
        memory_budget=budget.memory(layout, MACHINE),
        connection_budget=budget.connections(layout),
        stack=stack_of(*ALL),
        now=NOW,
        memory=Memory(8 * GIB, 7 * GIB, 0),
        cores=4,
        disk=Disk("/var/lib/docker", 100 * GIB, 50 * GIB),
        addresses=(PUBLIC,),
        listeners=(),
        names=(NameAnswer(config.instance.domain, (PUBLIC,)),),
        mail=MailTalk(None, "", "TLSv1.3", True, ("plain",), True),
        owner_mail=MailDomain(("mx.dev.org",), (PUBLIC,)),
        edge=Answer(200, (), b"OK", 0.02, PUBLIC, Certificate(NOW - 30 * DAY, NOW + 60 * DAY)),
        client_address=(ClientAddress(PUBLIC, PUBLIC, PUBLIC),),
        store=StoreTrial(None, listable=False),
        clock=Skew(True, 0.2, "acme.dev.org"),
        images=(ImageSeen("web", config.web_image, True),),
        postgres_version=VersionSeen("17.6", "running"),
        redis_version=VersionSeen("8.0.2", "running"),
        probes=answers_of(config),
        postgres=PostgresAnswer((17, 6), 12, 100, 10**6, TextOrder("2.36", "2.36", musl=False)),
        redis=redis_of(process_of()),
        **HOST,
    )
    return replace(well, **changes)


def fresh(config: InstanceConfig | None = None, **changes: Any) -> Facts:
    """The same before the first deploy."""
    nothing: dict[str, Any] = {"applied": Applied(), "stack": stack_of(), **changes}
    return facts_of(config, **nothing)
