"""`proxy` and `cache`."""

from __future__ import annotations

from instancectl.core.edge import (
    ACME_CA_ROOT_FILE,
    CACHE_HEALTH,
    MEDIA_ROOT,
    PROXY_HEALTH,
    STOP_GRACE_SECONDS,
    TLS_CERTIFICATE_FILE,
    TLS_KEY_FILE,
)
from instancectl.core.service import Attachment, HealthCheck, Mount, PublishedPort, ServiceSpec, UpdatePolicy
from instancectl.core.topology.parts import EDGE, Builder, media_mount, pinned, placed


def cache(build: Builder) -> ServiceSpec:
    """nginx: shared answers, balancing over replicas, limits, pages for when nobody answers."""
    return ServiceSpec(
        name="cache",
        image=build.image(build.config.images.cache),
        stop_signal="SIGQUIT",
        stop_grace_seconds=STOP_GRACE_SECONDS,
        health=HealthCheck(CACHE_HEALTH, interval_seconds=2, start_period_seconds=20),
        mounts=(Mount("/var/cache/nginx", "cache"), *media_mount(build.config, MEDIA_ROOT, read_only=True)),
        configs=build.files("cache", build.rendered.cache_files),
        networks=(Attachment(EDGE),),
        replicas=build.layout.edge.cache_replicas,
        constraints=placed(build, "cache"),
        memory_bytes=build.layout.edge.cache_memory_bytes,
        update=UpdatePolicy(order="start-first"),
    )


def proxy(build: Builder) -> ServiceSpec:
    """Caddy: certificates and the only published ports."""
    config, rendered = build.config, build.rendered
    tls = {TLS_CERTIFICATE_FILE: rendered.tls_certificate, ACME_CA_ROOT_FILE: rendered.acme_ca_root}
    key = (
        (build.secret("tls-key", rendered.tls_key, TLS_KEY_FILE.rpartition("/")[2]),)
        if rendered.tls_key
        else ()
    )
    # A name that only the proxy's own CA vouches for resolves nowhere else: containers find it here.
    names = {config.instance.domain, config.site} if config.tls.mode == "internal" else set()
    return ServiceSpec(
        name="proxy",
        image=build.image(config.images.proxy),
        stop_grace_seconds=STOP_GRACE_SECONDS,
        health=HealthCheck(PROXY_HEALTH, interval_seconds=2, start_period_seconds=20),
        mounts=(Mount("/config", "proxy-config"), Mount("/data", "proxy-data")),
        secrets=key,
        configs=build.files("proxy", {**rendered.proxy_files, **tls}),
        networks=(Attachment(EDGE, tuple(sorted(names))),),
        ports=(
            PublishedPort(config.proxy.http_port, 80),
            PublishedPort(config.proxy.https_port, 443),
            PublishedPort(config.proxy.https_port, 443, "udp"),
        ),
        constraints=pinned(build),
        memory_bytes=build.layout.edge.proxy_memory_bytes,
    )
