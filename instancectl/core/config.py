"""What the admin wants: the typed content of `instance.toml`.

Unknown keys are refused. Field descriptions are the reference page's only source.
Nothing here is secret: secrets live in `secrets.env` beside the file.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from instancectl.core.config_alerts import Alerts
from instancectl.core.config_backup import Backup
from instancectl.core.config_base import Section
from instancectl.core.config_dashboard import Dashboard, StatusPage
from instancectl.core.config_host import Host
from instancectl.core.config_hosts import Hosts
from instancectl.core.config_monitoring import Monitoring
from instancectl.core.config_scaling import Scaling

DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
"""A fully qualified host name in lower case (RFC 1123, at least one dot)."""

RESERVED_ENV = frozenset({
    "LOCAL_DOMAIN", "WEB_DOMAIN", "ALTERNATE_DOMAINS", "SINGLE_USER_MODE",
    "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASS", "DATABASE_URL", "DB_POOL",
    "PREPARED_STATEMENTS", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_URL",
    "WEB_CONCURRENCY", "MAX_THREADS", "SIDEKIQ_CONCURRENCY", "BIND", "PORT",
    "SECRET_KEY_BASE", "OTP_SECRET", "VAPID_PRIVATE_KEY", "VAPID_PUBLIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY", "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT", "REDIS_NAMESPACE",
    "SKIP_POST_DEPLOYMENT_MIGRATIONS",
})  # fmt: skip
"""Variables that instancectl derives; setting them by hand would contradict a key."""


def _domain(value: str) -> str:
    if value and not DOMAIN.fullmatch(value):
        raise ValueError(
            "must be a host name in lower case with a dot, such as `social.example`, without `https://`"
        )
    return value


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


# Pydantic's own `pattern` has no look-ahead, so the rule is a function; the schema still shows the pattern.
Domain = Annotated[
    str, AfterValidator(_domain), Field(json_schema_extra={"pattern": f"^$|^{DOMAIN.pattern}$"})
]
Port = Annotated[int, Field(ge=1, le=65535)]


class Instance(Section):
    """Which Mastodon this is."""

    domain: Annotated[Domain, AfterValidator(_not_empty)] = Field(
        description="LOCAL_DOMAIN: the name in every account's address. Permanent after the first boot."
    )
    web_domain: Domain = Field(
        "", description="WEB_DOMAIN: where the site is served, when it differs from `domain`. Permanent too."
    )
    alternate_domains: tuple[Domain, ...] = Field((), description="Further host names the site answers to.")
    name: str = Field(
        "",
        pattern=r"^$|^[a-z][a-z0-9-]{0,30}$",
        description="Name of the Swarm stack; derived from `domain` when empty. Permanent.",
    )
    release: str = Field(
        "4.6.3",
        pattern=r"^\d+\.\d+\.\d+([-+.][0-9A-Za-z.-]+)?$",
        description="Mastodon release to run, X.Y.Z.",
    )
    layout: Literal["auto", "tiny", "small", "medium", "large"] = Field(
        "auto", description="Size of the layout; `auto` chooses by this machine's memory and cores."
    )
    single_user: bool = Field(False, description="SINGLE_USER_MODE: one profile, registrations closed.")


class Owner(Section):
    """The first account, created on the first deploy with role Owner."""

    username: str = Field("admin", pattern=r"^[A-Za-z0-9_]{1,30}$", description="Account name, without `@`.")
    email: str = Field(
        "",
        pattern=r"^$|^[^@\s]+@[^@\s]+$",
        description="Its address; the mail domain must resolve from inside a container. "
        "Empty: create no account.",
    )


class Mail(Section):
    """Outgoing mail. The password is the secret SMTP_PASSWORD."""

    mode: Literal["smtp", "catch", "none"] = Field(
        "smtp",
        description="`smtp` sends through `server`; `catch` keeps every mail on this host, readable at "
        "`https://mail.<domain>`; `none` leaves sending unconfigured (nobody can sign up).",
    )
    server: str = Field("", description="SMTP_SERVER: the provider's host name.")
    port: Port = Field(587, description="SMTP_PORT: 587 with STARTTLS, 465 with `tls = true`.")
    login: str = Field("", description="SMTP_LOGIN; empty: no authentication.")
    from_address: str = Field("", description="SMTP_FROM_ADDRESS; `notifications@<domain>` when empty.")
    starttls: Literal["always", "auto", "never"] = Field("always", description="SMTP_ENABLE_STARTTLS.")
    tls: bool = Field(False, description="SMTP_TLS: TLS from the first byte (port 465).")
    auth_method: Literal["plain", "login", "cram_md5", "none"] = Field(
        "plain", description="SMTP_AUTH_METHOD."
    )
    verify: Literal["peer", "none"] = Field("peer", description="SMTP_OPENSSL_VERIFY_MODE.")

    @model_validator(mode="after")
    def _tls_or_starttls(self) -> Mail:
        if self.tls and self.starttls == "always":
            raise ValueError(
                '`tls = true` and `starttls = "always"` exclude each other; set `starttls = "never"`'
            )
        return self


class Tls(Section):
    """Certificates."""

    mode: Literal["acme", "internal", "files"] = Field(
        "acme",
        description="`acme` (Let's Encrypt, or `acme_directory`), `internal` (the proxy's own CA), `files`.",
    )
    acme_email: str = Field("", description="Contact for the certificate authority; the owner's when empty.")
    acme_directory: str = Field("", description="ACME directory URL; Let's Encrypt when empty.")
    acme_ca_root: str = Field("", description="PEM file with the root of a private ACME server.")
    certificate: str = Field("", description="PEM file with the chain (`files`).")
    key: str = Field("", description="PEM file with the private key, mode 0600 (`files`).")

    @model_validator(mode="after")
    def _files_complete(self) -> Tls:
        if self.mode == "files" and not (self.certificate and self.key):
            raise ValueError('`mode = "files"` needs `certificate` and `key`')
        return self


class Proxy(Section):
    """The edge: the only part reachable from outside."""

    http_port: Port = Field(80, description="Published HTTP port.")
    https_port: Port = Field(443, description="Published HTTPS port (TCP, and UDP for HTTP/3).")
    www_redirect: bool = Field(
        False, description="Also serve `www.<domain>` as a redirect; needs its DNS record."
    )
    hsts_seconds: int = Field(
        63072000, ge=0, description="Strict-Transport-Security max-age; 0 leaves it out."
    )
    cache_mib: int = Field(512, ge=16, description="Disk space of the anonymous-answer cache, MiB.")
    replicas: int = Field(1, ge=1, le=4, description="Replicas of the `cache` tier.")


class Images(Section):
    """Images; empty means the official one for `instance.release`."""

    web: str = Field("", description="Image of `web`, `sidekiq` and one-shot jobs.")
    streaming: str = Field("", description="Image of `streaming`.")
    db: str = Field(
        "postgres:17", description="Image of `db`; never change its flavour or major version in place."
    )
    redis: str = Field("redis:8", description="Image of `redis`.")
    proxy: str = Field("caddy:2.11", description="Image of `proxy` (Caddy).")
    cache: str = Field("nginx:1.30", description="Image of `cache` (nginx ≥ 1.27.3).")
    mail: str = Field(
        "axllent/mailpit:v1.27", description='Image of the mail catcher (`mail.mode = "catch"`).'
    )
    pgbouncer: str = Field("edoburu/pgbouncer:v1.24.1-p1", description="Image of `pgbouncer`.")
    prometheus: str = Field(
        "prom/prometheus:v3.5.0", description="Image of `prometheus` (`monitoring.enabled`)."
    )
    alertmanager: str = Field(
        "prom/alertmanager:v0.28.1", description="Image of `alertmanager` (`monitoring.enabled`)."
    )


class Media(Section):
    """Where uploads live. S3 needs the secrets AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""

    storage: Literal["local", "s3"] = Field(
        "local", description="`local` volume, or an S3-compatible bucket."
    )
    s3_bucket: str = Field("", description="S3_BUCKET.")
    s3_region: str = Field("us-east-1", description="S3_REGION.")
    s3_endpoint: str = Field("", description="S3_ENDPOINT; empty for AWS itself.")
    s3_alias_host: str = Field("", description="S3_ALIAS_HOST: the public host of the media.")
    s3_permission: str = Field("public-read", description="S3_PERMISSION; empty for stores without ACLs.")
    s3_path_style: bool = Field(
        True,
        description="With `s3_endpoint`: address the bucket in the path, as most stores want. "
        "`false` puts it in the host name (S3_OVERRIDE_PATH_STYLE).",
    )

    @model_validator(mode="after")
    def _bucket_named(self) -> Media:
        if self.storage == "s3" and not self.s3_bucket:
            raise ValueError('`storage = "s3"` needs `s3_bucket`')
        return self


class Registrations(Section):
    """Applied on the first deploy only; afterwards the admin's choice in Mastodon stands."""

    mode: Literal["open", "approved", "none"] = Field("approved", description="Who may sign up.")
    require_reason: bool = Field(True, description="With `approved`: ask for a reason.")


class Retention(Section):
    """Applied on the first deploy only. Mastodon itself has no default: remote media would grow for ever."""

    media_days: int = Field(14, ge=0, description="Days to keep cached remote media; 0 keeps them for ever.")
    content_days: int = Field(
        0, ge=0, description="Days to keep remote posts nobody here touched; 0 for ever."
    )


class Database(Section):
    """PostgreSQL and the connections to it."""

    pgbouncer: Literal["auto", "on", "off"] = Field(
        "auto", description="PgBouncer; `auto` uses it once the budget needs more than about 200 connections."
    )
    max_connections: int = Field(
        0, ge=0, le=2000, description="PostgreSQL's limit; 0 derives it from the layout."
    )
    memory_mib: int = Field(0, ge=0, description="Memory for `db`; 0 derives it from the layout.")


class Redis(Section):
    """Redis."""

    memory_mib: int = Field(0, ge=0, description="Memory limit of `redis`; 0 derives it from the layout.")


class WebService(Section):
    """Puma. 0 means: derived from the layout."""

    replicas: int = Field(0, ge=0, le=64, description="Replicas of `web`.")
    processes: int = Field(0, ge=0, le=64, description="WEB_CONCURRENCY: Puma processes in one replica.")
    threads: int = Field(0, ge=0, le=64, description="MAX_THREADS: threads in one process.")


class StreamingService(Section):
    """Streaming. 0 means: derived from the layout."""

    replicas: int = Field(0, ge=0, le=16, description="Replicas of `streaming`.")


class SidekiqService(Section):
    """One Sidekiq service. 0 means: derived from the layout."""

    replicas: int = Field(
        0, ge=0, le=64, description="Processes of this service (`sidekiq` itself is always 1)."
    )
    threads: int = Field(0, ge=0, le=100, description="SIDEKIQ_CONCURRENCY: threads in one process.")


class Services(Section):
    """Explicit sizes; what is left out follows the layout."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=False,
    )

    web: WebService = WebService()
    streaming: StreamingService = StreamingService()
    sidekiq: SidekiqService = SidekiqService()
    sidekiq_default: SidekiqService = SidekiqService()
    sidekiq_ingress: SidekiqService = SidekiqService()
    sidekiq_push: SidekiqService = SidekiqService()
    sidekiq_pull: SidekiqService = SidekiqService()
    sidekiq_mailers: SidekiqService = SidekiqService()

    @model_validator(mode="after")
    def _one_scheduler(self) -> Services:
        if self.sidekiq.replicas > 1:
            raise ValueError(
                "`sidekiq.replicas` is 1: two processes with `scheduler` would double all periodic jobs; "
                "scale `sidekiq-default`, `sidekiq-push` … instead"
            )
        return self


class Machine(Section):
    """What the layout may use; 0 means: as measured."""

    memory_mib: int = Field(0, ge=0, description="Memory to plan with, MiB.")
    cores: int = Field(0, ge=0, description="Cores to plan with.")


class Swarm(Section):
    """The Swarm this instance runs in."""

    advertise_address: str = Field(
        "", description="Address this host advertises when `deploy` creates the Swarm; 127.0.0.1 when empty."
    )


class Mastodon(Section):
    """Anything else Mastodon understands."""

    authorized_fetch: bool = Field(
        False, description="AUTHORIZED_FETCH: sign fetches; answers are then not shared by the cache."
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="Further variables of `.env.production`, by their upstream names."
    )

    @field_validator("env")
    @classmethod
    def _not_reserved(cls, value: dict[str, str]) -> dict[str, str]:
        for key in value:
            if key in RESERVED_ENV:
                raise ValueError(f"`{key}` is derived by instancectl; see `instancectl config explain`")
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
                raise ValueError(f"`{key}` is no name of an environment variable")
        return value


class InstanceConfig(Section):
    """`instance.toml`, whole."""

    instance: Instance
    owner: Owner = Owner()
    mail: Mail = Mail()
    tls: Tls = Tls()
    proxy: Proxy = Proxy()
    media: Media = Media()
    registrations: Registrations = Registrations()
    retention: Retention = Retention()
    database: Database = Database()
    redis: Redis = Redis()
    services: Services = Services()
    machine: Machine = Machine()
    images: Images = Images()
    swarm: Swarm = Swarm()
    scaling: Scaling = Scaling()
    monitoring: Monitoring = Monitoring()
    dashboard: Dashboard = Dashboard()
    status_page: StatusPage = StatusPage()
    alerts: Alerts = Alerts()
    host: Host = Host()
    hosts: Hosts = Hosts()
    backup: Backup = Backup()
    mastodon: Mastodon = Mastodon()

    @property
    def stack(self) -> str:
        """Name of the Swarm stack: `instance.name`, or the domain with dashes for dots."""
        return self.instance.name or self.instance.domain.replace(".", "-")[:31].rstrip("-")

    @property
    def site(self) -> str:
        """The host name people open in a browser."""
        return self.instance.web_domain or self.instance.domain

    @property
    def web_image(self) -> str:
        """Image of `web`, `sidekiq` and one-shot jobs."""
        return self.images.web or f"ghcr.io/mastodon/mastodon:v{self.instance.release}"

    @property
    def streaming_image(self) -> str:
        """Image of `streaming`."""
        return self.images.streaming or f"ghcr.io/mastodon/mastodon-streaming:v{self.instance.release}"
