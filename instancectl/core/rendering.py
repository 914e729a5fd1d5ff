"""Which template is rendered with which values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from instancectl.core.config import InstanceConfig
from instancectl.core.edge import EdgeSettings, edge_files, edge_settings
from instancectl.core.layout import Layout
from instancectl.core.mastodon_env import dotenv
from instancectl.core.monitoring.apart import addressed
from instancectl.core.monitoring.rules import alertmanager_files, prometheus_files
from instancectl.core.notify_token import notify_token
from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import NO_SECRET, Secret
from instancectl.core.topology import Rendered

Fill = Callable[[str, Mapping[str, object]], str]
"""(template, values) → text."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Contents of the files that `[tls]` names; empty where it names none."""

    certificate: str = ""
    key: Secret = NO_SECRET
    acme_ca_root: str = ""


def render(  # noqa: PLR0913 - everything that files are made of, named
    config: InstanceConfig,
    secrets: SecretSet,
    layout: Layout,
    fill: Fill,
    *,
    tls: TlsFiles,
    maintenance: str | None = None,
    given_up: Sequence[str] = (),
) -> Rendered:
    """All files of one instance.

    Args:
        config: what the admin wrote.
        secrets: complete and valid.
        layout: sizes.
        fill: the template engine.
        tls: certificates from files.
        maintenance: message of the maintenance page while it is on.
        given_up: what the edge turns away while a surge lasts.
    """
    edge = edge_settings(
        config, maintenance=maintenance is not None, message=maintenance or "", given_up=given_up
    )
    watched = addressed(config, layout.monitoring)
    database_password, redis_password = secrets.get("DB_PASS"), secrets.get("REDIS_PASSWORD")
    redis = {"password": redis_password.reveal(), "maxmemory_bytes": layout.redis.maxmemory_bytes}
    return Rendered(
        dotenv=Secret(dotenv(config, secrets, layout)),
        database_password=database_password,
        redis_password=redis_password,
        redis_conf=Secret(fill("redis.conf.j2", redis)),
        proxy_files=_edge(edge, "proxy", fill),
        cache_files=_edge(edge, "cache", fill),
        pgbouncer_ini=_pgbouncer(layout, fill),
        pgbouncer_users=Secret(f'"mastodon" "{database_password.reveal()}"\n'),
        notify_token=notify_token(secrets),
        prometheus_files=prometheus_files(watched, fill) if layout.monitoring else {},
        alertmanager_files=alertmanager_files(watched, fill) if layout.monitoring else {},
        tls_certificate=tls.certificate,
        tls_key=tls.key,
        acme_ca_root=tls.acme_ca_root,
    )


def _edge(edge: EdgeSettings, service: str, fill: Fill) -> dict[str, str]:
    wanted = (file for file in edge_files(edge) if file.service == service)
    return {file.target: fill(file.template, {"edge": edge}) for file in wanted}


def _pgbouncer(layout: Layout, fill: Fill) -> str:
    plan = layout.pgbouncer
    if plan is None:
        return ""
    sizes = {"pool_size": plan.pool_size, "max_client_connections": plan.max_client_connections}
    return fill("pgbouncer.ini.j2", sizes)
