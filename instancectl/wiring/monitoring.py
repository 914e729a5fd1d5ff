"""What `agent` and `metrics` need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.alerting import alerting_beside, desk, watched
from instancectl.wiring.backing_up import readings
from instancectl.wiring.canary import canary_beside, shown
from instancectl.wiring.dashboard import ledger, served
from instancectl.wiring.instance import (
    OpenInstance,
    clock,
    open_instance,
    own_mesh_address,
    reporter,
    state,
    stored_secrets,
)
from instancectl.wiring.scaling import scaling_beside
from instancectl.wiring.settings import run_again, watched_settings
from instancectl.wiring.status_page import publishing
from instancectl.wiring.vantage import merging

if TYPE_CHECKING:
    from instancectl.adapters.exposition import MetricsServer
    from instancectl.core.config import InstanceConfig
    from instancectl.core.monitoring.metric import Sample
    from instancectl.operations.alerting import Desk
    from instancectl.operations.monitoring import Around, Senses
    from instancectl.operations.monitoring.agent import Agent

Samples = Callable[[], Iterable["Sample"]]


def watching(options: Globals) -> tuple[InstanceConfig, Senses]:
    """The instance, and everything to watch it with; nothing is looked at yet."""
    opened = open_instance(options)
    return opened.config, _senses(opened)


def agent(options: Globals, listen: str) -> tuple[InstanceConfig, Around]:
    """The instance, and everything its agent needs; `listen` empty takes the configured address."""
    from instancectl.adapters.daemon_threads import in_background
    from instancectl.adapters.file_lock import FileLock
    from instancectl.adapters.service_manager import ServiceManager
    from instancectl.operations.monitoring import Around

    opened = open_instance(options)
    senses, note = _senses(opened), reporter(options).note
    canary = canary_beside(opened, senses, reporter(options))
    if canary is not None:
        senses = replace(senses, canary=canary.latest)
    scaling = scaling_beside(opened, senses, note)
    takes = desk(opened)
    host, _, port = (listen or opened.config.monitoring.listen).rpartition(":")
    around = Around(
        senses=senses,
        supervisor=ServiceManager(),
        reporter=reporter(options),
        lock=FileLock(opened.paths.state_directory / "agent.lock"),
        serve=lambda made: _server(
            opened, senses, made, (host.strip("[]"), int(port)), scaling.readings, takes
        ),
        background=in_background,
        settings=watched_settings(options, opened, reporter(options)),
        again=run_again,
        beside=lambda made: (
            *shown(canary, made),
            *served(opened, made, reporter(options), scaling.readings),
            *publishing(opened, reporter(options)),
            *merging(opened, made, reporter(options)),
            scaling,
            alerting_beside(opened, options, takes, made),
        ),
    )
    return opened.config, around


def monitoring_of(opened: OpenInstance) -> Senses:
    """Everything to look at an instance with; nothing is looked at yet."""
    return _senses(opened)


def exposition(samples: Samples) -> bytes:
    """Samples in Prometheus' text format."""
    from instancectl.adapters.exposition import render

    return render(samples)


def _server(
    opened: OpenInstance,
    senses: Senses,
    agent: Agent,
    address: tuple[str, int],
    further: Samples,
    takes: Desk,
) -> MetricsServer:
    from instancectl.adapters.exposition import MetricsServer
    from instancectl.core.host.settings import WATCH_PORTS
    from instancectl.operations.monitoring.relaying import Relay

    relay = Relay(opened.config, senses.inside, agent.sight, lambda: watched(opened).monitoring.listen)
    return MetricsServer(
        address,
        lambda: (*agent.samples(), *further()),
        agent.verdict,
        {"/notify": takes.take},
        relay.page,
        further=(own_mesh_address(), WATCH_PORTS["listen"]),
    )


def _senses(opened: OpenInstance) -> Senses:
    from instancectl.adapters.container_network import ContainerNetwork
    from instancectl.adapters.daemon_threads import DaemonThreads
    from instancectl.adapters.host_psutil import PsutilHost
    from instancectl.adapters.http_probe import SocketHttpProbe
    from instancectl.adapters.postgres import PostgresLine
    from instancectl.adapters.redis_line import RespRedisLine
    from instancectl.adapters.smtp import SmtpServer
    from instancectl.adapters.stack_sight import ResidentStack
    from instancectl.core.monitoring.surfaces import TIMEOUT_SECONDS, VANTAGES
    from instancectl.operations.monitoring import Senses

    secrets, stack = stored_secrets(opened), ResidentStack(opened.config.stack)
    inside = ContainerNetwork(stack.entrance(*VANTAGES))
    database = ContainerNetwork(stack.entrance("db"))
    redis = ContainerNetwork(stack.entrance("redis"))
    record = state(opened)
    return Senses(
        stack=stack,
        redis=RespRedisLine(
            lambda seconds: redis.connect(("127.0.0.1", 6379), seconds), secrets.get("REDIS_PASSWORD")
        ),
        database=PostgresLine(
            lambda seconds: database.connect(("127.0.0.1", 5432), seconds), secrets.get("DB_PASS")
        ),
        inside=SocketHttpProbe(timeout_seconds=TIMEOUT_SECONDS, connect=inside.connect),
        outside=SocketHttpProbe(timeout_seconds=TIMEOUT_SECONDS, vouch=False),
        mail=SmtpServer(),
        host=PsutilHost(),
        together=DaemonThreads(),
        clock=clock(),
        ledger=ledger(opened),
        mail_password=secrets.get("SMTP_PASSWORD"),
        ever_deployed=lambda: bool(record.load().verified),
        backups=lambda: readings(opened),
    )
