"""From configuration, layout and rendered files to everything of one stack.

Service names, ports, users and paths are those of the official images
(mastodon/mastodon Dockerfile and docker-compose.yml; Docker Official postgres, redis, caddy, nginx).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from instancectl.core.backup import receiving
from instancectl.core.config import InstanceConfig
from instancectl.core.desired import Desired, Network, OneShot
from instancectl.core.host.placement import data_label, role_label
from instancectl.core.layout import Layout
from instancectl.core.mastodon_env import direct_database_env
from instancectl.core.service import Attachment, ServiceSpec
from instancectl.core.sizes import ROLES
from instancectl.core.topology.data import db, pgbouncer, redis, wal
from instancectl.core.topology.edge import cache, proxy
from instancectl.core.topology.mastodon import mail, sidekiq, streaming, web
from instancectl.core.topology.monitoring import monitoring
from instancectl.core.topology.parts import (
    BACKEND,
    DOTENV,
    EDGE,
    Builder,
    Rendered,
    media_mount,
)


def desired(config: InstanceConfig, layout: Layout, rendered: Rendered, images: Mapping[str, str]) -> Desired:
    """Everything of one stack as it should be.

    Args:
        config: what the admin wrote.
        layout: sizes, already within the budgets.
        rendered: contents of files.
        images: reference → reference with digest, for those that have one.
    """
    build = Builder(config, layout, rendered, images, {}, {})
    catcher = [mail(build)] if config.mail.mode == "catch" else []
    workers = [sidekiq(build, plan) for plan in layout.sidekiq]
    mastodon = [*catcher, web(build), streaming(build), *workers]
    everything = [
        [db(build), redis(build)],
        [*pgbouncer(build), *wal(build)],
        mastodon,
        [cache(build)],
        [proxy(build)],
        monitoring(build),
    ]
    stages = [stage for stage in everything if stage]
    return Desired(
        stack=config.stack,
        networks=(Network(BACKEND, internal=True), Network(EDGE)),
        volumes=volumes(config, apart=bool(layout.monitoring and layout.monitoring.apart)),
        secrets=build.secrets,
        configs=build.configs,
        services=tuple(_sorted(spec) for stage in stages for spec in stage),
        stages=tuple(tuple(spec.name for spec in stage) for stage in stages),
        images=dict(images),
        node_label=data_label(config.stack),
        role_labels=tuple(role_label(config.stack, role) for role in _own_roles(layout)),
    )


def _own_roles(layout: Layout) -> tuple[str, ...]:
    """Roles of the host with the data; with one host nobody asks."""
    return tuple(role for role in ROLES if role in layout.home_roles) if layout.shares else ()


def volumes(config: InstanceConfig, *, apart: bool = False) -> tuple[str, ...]:
    """Names of the volumes of this host that hold data; with monitoring `apart` its own are elsewhere."""
    media = ("media",) if config.media.storage == "local" else ()
    watching = ("prometheus", "alertmanager") if config.monitoring.enabled and not apart else ()
    moments = (receiving.VOLUME, receiving.SOCKET_VOLUME) if config.backup.point_in_time else ()
    return ("db", "redis", *media, *moments, "proxy-data", "proxy-config", "cache", *watching)


def image_references(config: InstanceConfig, layout: Layout) -> tuple[str, ...]:
    """Every image the stack needs, as configured."""
    images = config.images
    needed = [config.web_image, config.streaming_image, images.db, images.redis, images.cache, images.proxy]
    if config.mail.mode == "catch":
        needed.append(images.mail)
    if layout.pgbouncer:
        needed.append(images.pgbouncer)
    if layout.monitoring:
        needed += [images.prometheus, images.alertmanager]
    return tuple(dict.fromkeys(needed))


def one_shot(
    config: InstanceConfig,
    rendered: Rendered,
    images: Mapping[str, str],
    name: str,
    argv: Iterable[str],
    extra: Mapping[str, str] | None = None,
) -> OneShot:
    """A job in a container of the web image, with the instance's secrets, networks and media.

    It talks to PostgreSQL directly: advisory locks do not survive PgBouncer's transaction pooling.
    """
    environment = {**direct_database_env(), **(extra or {})}
    return OneShot(
        name=name,
        image=images.get(config.web_image, config.web_image),
        argv=tuple(argv),
        environment=tuple(sorted(environment.items())),
        networks=(Attachment(EDGE), Attachment(BACKEND)),
        mounts=media_mount(config),
        files=((DOTENV, rendered.dotenv),),
    )


def _sorted(spec: ServiceSpec) -> ServiceSpec:
    """Order that means nothing is made canonical, so that specs compare."""
    return replace(
        spec,
        environment=tuple(sorted(spec.environment)),
        mounts=tuple(sorted(spec.mounts)),
        secrets=tuple(sorted(spec.secrets)),
        configs=tuple(sorted(spec.configs)),
        networks=tuple(sorted(spec.networks)),
        ports=tuple(sorted(spec.ports)),
        labels=tuple(sorted(spec.labels)),
    )
