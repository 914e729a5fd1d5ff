"""What `alert`, the agent's messages, and silences of planned work need.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import (
    OpenInstance,
    clock,
    journal,
    open_instance,
    own_mesh_address,
    reporter,
    state,
    stored_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from instancectl.adapters.sqlite.alert_spool import SqliteSpool
    from instancectl.core.config import InstanceConfig
    from instancectl.core.monitoring.metric import Sample
    from instancectl.core.secret_set import SecretSet
    from instancectl.operations.alerting import Courier, Desk, Post, Silencing, Trial
    from instancectl.operations.monitoring.agent import Agent
    from instancectl.ports.http_probe import HttpProbe
    from instancectl.ports.reporter import Reporter

ALERTMANAGER_SECONDS = 3.0
RECEIVER_SECONDS = 10.0
STALE_SECONDS = 90.0
"""Six slices: a prober that has not come back by then is not well."""


def watched(opened: OpenInstance) -> InstanceConfig:
    """The configuration with the addresses that the last deploy gave Prometheus and Alertmanager."""
    from instancectl.core.monitoring.apart import reaching

    return reaching(opened.config, state(opened).load().watched_from, own_mesh_address())


def silencing(options: Globals, command: str) -> Silencing:
    """Everything that silences need."""
    return silences_of(open_instance(options), options, command)


def silences_of(opened: OpenInstance, options: Globals, command: str) -> Silencing:
    """Likewise, for an instance that is open already."""
    from instancectl.adapters.journal_file import invoker

    return silences_by(opened, reporter(options), command, invoker())


def silences_by(opened: OpenInstance, told: Reporter, command: str, who: str) -> Silencing:
    """Likewise, in somebody's name."""
    from instancectl.operations.alerting import Silencing

    return Silencing(
        watched(opened), _asking(ALERTMANAGER_SECONDS), _spool(opened), journal(opened, command),
        told, clock(), who,
    )  # fmt: skip


def trial(options: Globals) -> Trial:
    """Everything that a test of the receivers needs."""
    import secrets

    from instancectl.operations.alerting import Trial

    opened = open_instance(options)
    http = _asking(ALERTMANAGER_SECONDS)
    return Trial(watched(opened), http, _spool(opened), _post(opened), clock(), secrets.token_hex(3))


def rules(options: Globals) -> str:
    """The rule file of the instance."""
    from instancectl.adapters import assets
    from instancectl.adapters.jinja_templates import JinjaTemplates
    from instancectl.core.monitoring.rules import rules_text

    fill = JinjaTemplates(assets.assets_directory("templates")).render
    return rules_text(open_instance(options).config, fill)


def desk(opened: OpenInstance) -> Desk:
    """What takes the messages of Alertmanager."""
    from instancectl.core.notify_token import notify_token
    from instancectl.operations.alerting import Desk

    token = notify_token(stored_secrets(opened))
    return Desk(_spool(opened), opened.config.alerts.receivers, token, clock().epoch_seconds)


def alerting_beside(opened: OpenInstance, options: Globals, takes: Desk, agent: Agent) -> Courier:
    """What brings messages to their receivers while the agent runs, and counts them."""
    from instancectl.adapters.daemon_threads import DaemonThreads, in_background
    from instancectl.operations.alerting import Courier

    now = clock().epoch_seconds

    def well() -> bool:
        return (agent.watch.verdict()["slice_at"] or 0) > now() - STALE_SECONDS

    made = Courier(
        _spool(opened), _post(opened), takes, clock(), DaemonThreads(), reporter(options), well, in_background
    )
    agent.also(made.samples)
    agent.also(lambda: _maintenance(opened))
    return made


def alert_secrets(opened: OpenInstance) -> SecretSet:
    """`alerts.env` beside the instance file; empty when there is none.

    Raises:
        ConfigError: others could read it, or a line is no `NAME=value`.
    """
    from instancectl.adapters.secret_file import SecretFile
    from instancectl.core.alerting.senders import PURPOSES

    return SecretFile(opened.paths.directory / "alerts.env", PURPOSES).load()


def _maintenance(opened: OpenInstance) -> Iterator[Sample]:
    """Whether a command that changes the instance, or backs it up, is under way."""
    from instancectl.adapters.file_lock import FileLock
    from instancectl.core.monitoring.catalogue_alerting import MAINTENANCE
    from instancectl.core.monitoring.metric import Sample

    files = (opened.paths.state_directory / name for name in ("lock", "backup.lock"))
    yield Sample(MAINTENANCE, float(any(FileLock(path).held() for path in files)))


def _post(opened: OpenInstance) -> Post:
    from instancectl.adapters.smtp import SmtpServer
    from instancectl.operations.alerting import Post

    config: InstanceConfig = opened.config
    password = stored_secrets(opened).get("SMTP_PASSWORD")
    return Post(config, _asking(RECEIVER_SECONDS), SmtpServer(), alert_secrets(opened), password)


def _asking(seconds: float) -> HttpProbe:
    from instancectl.adapters.http_probe import SocketHttpProbe

    return SocketHttpProbe(timeout_seconds=seconds, insist=True)


def _spool(opened: OpenInstance) -> SqliteSpool:
    from instancectl.adapters.sqlite.alert_spool import SqliteSpool

    return SqliteSpool(opened.paths.state_directory / "messages.sqlite3")
