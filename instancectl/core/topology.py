"""From configuration, layout and rendered files to everything of one stack.

Service names, ports, users and paths are those of the official images
(mastodon/mastodon Dockerfile and docker-compose.yml; Docker Official postgres, redis, caddy, nginx).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from instancectl.core.config import InstanceConfig
from instancectl.core.desired import Desired, Network, OneShot
from instancectl.core.edge import (
    ACME_CA_ROOT_FILE,
    CACHE_HEALTH,
    MEDIA_ROOT,
    PROXY_HEALTH,
    STOP_GRACE_SECONDS,
    TLS_CERTIFICATE_FILE,
    TLS_KEY_FILE,
)
from instancectl.core.layout import Layout, SidekiqPlan
from instancectl.core.mastodon_env import direct_database_env, tunables
from instancectl.core.secrets import NO_SECRET, Secret, fingerprint
from instancectl.core.service import (
    Attachment,
    FileRef,
    HealthCheck,
    Mount,
    PublishedPort,
    ServiceSpec,
    UpdatePolicy,
)

BACKEND, EDGE = "backend", "edge"
MASTODON_UID = "991"
DOTENV = "/opt/mastodon/.env.production"
MEDIA = "/opt/mastodon/public/system"
READY_FILE = "/opt/mastodon/tmp/sidekiq_process_has_started_and_will_begin_processing_jobs"
"""Exists between Sidekiq's start-up and shutdown hooks (its name is baked into the official image)."""

WEB_GRACE_SECONDS = 40
"""Puma lets requests finish for 30 s (config/puma.rb)."""

SIDEKIQ_GRACE_SECONDS = 60
"""Sidekiq waits 25 s and then pushes unfinished jobs back; a kill before that loses them."""


PGBOUNCER_LISTENS = "grep -qE ':1920 [0-9A-F:]+ 0A' /proc/net/tcp /proc/net/tcp6"
"""A listener (state 0A) on port 6432 (0x1920): its images agree on no client to ask with."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Files made from templates, as text; those that carry passwords are secrets.

    Attributes:
        proxy_files: path in the container → content.
        cache_files: likewise.
        tls_certificate: PEM chain for `tls.mode = "files"`, else empty.
        tls_key: its key.
        acme_ca_root: PEM root of a private ACME server, else empty.
    """

    dotenv: Secret
    database_password: Secret
    redis_password: Secret
    redis_conf: Secret
    proxy_files: Mapping[str, str]
    cache_files: Mapping[str, str]
    pgbouncer_ini: str
    pgbouncer_users: Secret
    tls_certificate: str = ""
    tls_key: Secret = NO_SECRET
    acme_ca_root: str = ""


@dataclass(frozen=True, slots=True)
class Builder:
    """Names things and collects the secrets and configs that services refer to."""

    config: InstanceConfig
    layout: Layout
    rendered: Rendered
    images: Mapping[str, str]
    secrets: dict[str, Secret]
    configs: dict[str, str]

    def image(self, reference: str) -> str:
        """The reference as deployed."""
        return self.images.get(reference, reference)

    def secret(self, name: str, content: Secret, target: str, uid: str = "0", mode: int = 0o400) -> FileRef:
        """Register a secret under a name that carries its content's fingerprint."""
        full = f"{self.config.stack}_{name}-{fingerprint(content.reveal())}"
        self.secrets[full] = content
        return FileRef(full, target, uid, uid, mode)

    def file(self, service: str, target: str, content: str) -> FileRef:
        """Register a config, likewise; it is called after its service and file name."""
        name = target.rpartition("/")[2].replace(".", "-").lower()
        full = f"{self.config.stack}_{service}-{name}-{fingerprint(content)}"
        self.configs[full] = content
        return FileRef(full, target)

    def files(self, service: str, contents: Mapping[str, str]) -> tuple[FileRef, ...]:
        """Register several."""
        return tuple(self.file(service, target, content) for target, content in contents.items() if content)

    def dotenv(self) -> FileRef:
        """Mastodon's own dotenv reads it in web, sidekiq, streaming and tootctl alike."""
        return self.secret("env", self.rendered.dotenv, DOTENV, MASTODON_UID)


def desired(config: InstanceConfig, layout: Layout, rendered: Rendered, images: Mapping[str, str]) -> Desired:
    """Everything of one stack as it should be.

    Args:
        config: what the admin wrote.
        layout: sizes, already within the budgets.
        rendered: contents of files.
        images: reference → reference with digest, for those that have one.
    """
    build = Builder(config, layout, rendered, images, {}, {})
    data, pooling = [_db(build), _redis(build)], _pgbouncer(build)
    web, streaming = _web(build), _streaming(build)
    sidekiq = [_sidekiq(build, plan) for plan in layout.sidekiq]
    mail = [_mail(build)] if config.mail.mode == "catch" else []
    stages = [data, pooling, [*mail, web, streaming, *sidekiq], [_cache(build)], [_proxy(build)]]
    stages = [stage for stage in stages if stage]
    return Desired(
        stack=config.stack,
        networks=(Network(BACKEND, internal=True), Network(EDGE)),
        volumes=volumes(config),
        secrets=build.secrets,
        configs=build.configs,
        services=tuple(_sorted(spec) for stage in stages for spec in stage),
        stages=tuple(tuple(spec.name for spec in stage) for stage in stages),
        images=dict(images),
        node_label=data_label(config.stack),
    )


def data_label(stack: str) -> str:
    """Label of the node that holds the stack's volumes."""
    return f"instancectl.data.{stack}"


def volumes(config: InstanceConfig) -> tuple[str, ...]:
    """Names of the volumes that hold data."""
    media = ("media",) if config.media.storage == "local" else ()
    return ("db", "redis", *media, "proxy-data", "proxy-config", "cache")


def image_references(config: InstanceConfig, layout: Layout) -> tuple[str, ...]:
    """Every image the stack needs, as configured."""
    images = config.images
    needed = [config.web_image, config.streaming_image, images.db, images.redis, images.cache, images.proxy]
    if config.mail.mode == "catch":
        needed.append(images.mail)
    if layout.pgbouncer:
        needed.append(images.pgbouncer)
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
        mounts=_media_mount(config),
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


def _pinned(build: Builder) -> tuple[str, ...]:
    return (f"node.labels.{data_label(build.config.stack)}==true",)


def _media_mount(
    config: InstanceConfig, target: str = MEDIA, *, read_only: bool = False
) -> tuple[Mount, ...]:
    return (Mount(target, "media", read_only=read_only),) if config.media.storage == "local" else ()


def _db(build: Builder) -> ServiceSpec:
    plan = build.layout.db
    settings = [word for key, value in plan.settings for word in ("-c", f"{key}={value}")]
    # Docker gives /dev/shm 64 MB, too little for parallel queries.
    shared_memory = Mount("/dev/shm", kind="tmpfs", size_bytes=plan.shm_bytes)  # noqa: S108 - POSIX shared memory
    return ServiceSpec(
        name="db",
        image=build.image(build.config.images.db),
        command=("postgres", *settings),
        environment=(
            ("PGDATA", "/var/lib/postgresql/data/pgdata"),
            ("POSTGRES_DB", "mastodon_production"),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/db_password"),
            ("POSTGRES_USER", "mastodon"),
        ),
        stop_grace_seconds=120,
        # Over TCP: while the image initialises the cluster, its temporary server listens on the socket only.
        health=HealthCheck(
            ("CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "mastodon", "-d", "mastodon_production"),
            interval_seconds=2,
            retries=5,
            start_period_seconds=120,
        ),
        mounts=(Mount("/var/lib/postgresql/data", "db"), shared_memory),
        secrets=(build.secret("db-password", build.rendered.database_password, "db_password", mode=0o444),),
        networks=(Attachment(BACKEND),),
        constraints=_pinned(build),
        memory_bytes=plan.memory_bytes,
    )


def _redis(build: Builder) -> ServiceSpec:
    rendered = build.rendered
    ping = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli ping | grep -q PONG'
    return ServiceSpec(
        name="redis",
        image=build.image(build.config.images.redis),
        command=("redis-server", "/run/secrets/redis.conf"),
        stop_grace_seconds=60,
        health=HealthCheck(("CMD-SHELL", ping), interval_seconds=2, retries=5, start_period_seconds=120),
        mounts=(Mount("/data", "redis"),),
        secrets=(
            # The image's entry point becomes uid 999 before Redis reads its file.
            build.secret("redis-conf", rendered.redis_conf, "redis.conf", "999"),
            build.secret("redis-password", rendered.redis_password, "redis_password", "999"),
        ),
        networks=(Attachment(BACKEND),),
        constraints=_pinned(build),
        memory_bytes=build.layout.redis.memory_bytes,
    )


def _pgbouncer(build: Builder) -> list[ServiceSpec]:
    plan = build.layout.pgbouncer
    if plan is None:
        return []
    return [
        ServiceSpec(
            name="pgbouncer",
            image=build.image(build.config.images.pgbouncer),
            command=("pgbouncer", "/etc/pgbouncer/pgbouncer.ini"),
            stop_grace_seconds=30,
            health=HealthCheck(
                ("CMD-SHELL", PGBOUNCER_LISTENS), interval_seconds=2, start_period_seconds=20
            ),
            secrets=(
                build.secret(
                    "pgbouncer-users", build.rendered.pgbouncer_users, "pgbouncer_users", mode=0o444
                ),
            ),
            configs=(build.file("pgbouncer", "/etc/pgbouncer/pgbouncer.ini", build.rendered.pgbouncer_ini),),
            networks=(Attachment(BACKEND),),
            memory_bytes=plan.memory_bytes,
            update=UpdatePolicy(order="start-first"),
        )
    ]


def _web(build: Builder) -> ServiceSpec:
    plan = build.layout.web
    return ServiceSpec(
        name="web",
        image=build.image(build.config.web_image),
        command=("bundle", "exec", "puma", "-C", "config/puma.rb"),
        environment=tuple(tunables("web", build.layout).items()),
        stop_grace_seconds=WEB_GRACE_SECONDS,
        health=HealthCheck(
            (
                "CMD",
                "curl",
                "-fsS",
                "-o",
                "/dev/null",
                "--noproxy",
                "localhost",
                "http://localhost:3000/health",
            ),
            interval_seconds=3,
            retries=5,
        ),
        mounts=_media_mount(build.config),
        secrets=(build.dotenv(),),
        networks=(Attachment(BACKEND), Attachment(EDGE)),
        replicas=plan.replicas,
        constraints=_pinned(build) if build.config.media.storage == "local" else (),
        memory_bytes=plan.memory_bytes,
        update=UpdatePolicy(order="start-first"),
    )


def _streaming(build: Builder) -> ServiceSpec:
    plan = build.layout.streaming
    health = "http://localhost:4000/api/v1/streaming/health"
    return ServiceSpec(
        name="streaming",
        image=build.image(build.config.streaming_image),
        command=("node", "./streaming/index.js"),
        environment=tuple(tunables("streaming", build.layout).items()),
        health=HealthCheck(
            ("CMD", "curl", "-fsS", "-o", "/dev/null", "--noproxy", "localhost", health),
            interval_seconds=3,
            start_period_seconds=30,
        ),
        secrets=(build.dotenv(),),
        networks=(Attachment(BACKEND), Attachment(EDGE)),
        replicas=plan.replicas,
        memory_bytes=plan.memory_bytes,
        # It exits 0 when PostgreSQL drops a pooled connection: only `any` brings it back.
        restart_condition="any",
        update=UpdatePolicy(order="start-first"),
    )


def _sidekiq(build: Builder, plan: SidekiqPlan) -> ServiceSpec:
    base = plan.service == "sidekiq"
    return ServiceSpec(
        name=plan.service,
        image=build.image(build.config.web_image),
        command=("bundle", "exec", "sidekiq", *plan.arguments),
        environment=tuple(tunables(plan.service, build.layout).items()),
        stop_grace_seconds=SIDEKIQ_GRACE_SECONDS,
        health=HealthCheck(("CMD", "test", "-f", READY_FILE), interval_seconds=3),
        mounts=_media_mount(build.config),
        secrets=(build.dotenv(),),
        networks=(Attachment(BACKEND), Attachment(EDGE)),
        replicas=1 if base else plan.replicas,
        constraints=_pinned(build) if build.config.media.storage == "local" else (),
        memory_bytes=plan.memory_bytes,
        # Old workers stop before new ones start: they would fail on job classes they do not have.
        update=UpdatePolicy(order="stop-first"),
    )


def _mail(build: Builder) -> ServiceSpec:
    return ServiceSpec(
        name="mail",
        image=build.image(build.config.images.mail),
        networks=(Attachment(EDGE),),
        memory_bytes=build.layout.edge.mail_memory_bytes,
    )


def _cache(build: Builder) -> ServiceSpec:
    return ServiceSpec(
        name="cache",
        image=build.image(build.config.images.cache),
        stop_signal="SIGQUIT",
        stop_grace_seconds=STOP_GRACE_SECONDS,
        health=HealthCheck(CACHE_HEALTH, interval_seconds=2, start_period_seconds=20),
        mounts=(Mount("/var/cache/nginx", "cache"), *_media_mount(build.config, MEDIA_ROOT, read_only=True)),
        configs=build.files("cache", build.rendered.cache_files),
        networks=(Attachment(EDGE),),
        replicas=build.layout.edge.cache_replicas,
        constraints=_pinned(build) if build.config.media.storage == "local" else (),
        memory_bytes=build.layout.edge.cache_memory_bytes,
        update=UpdatePolicy(order="start-first"),
    )


def _proxy(build: Builder) -> ServiceSpec:
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
        constraints=_pinned(build),
        memory_bytes=build.layout.edge.proxy_memory_bytes,
    )
