"""What the services are built with: rendered files, names, and the secrets and configs they refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instancectl.core.config import InstanceConfig
from instancectl.core.host import placement
from instancectl.core.layout import Layout
from instancectl.core.secrets import NO_SECRET, Secret, fingerprint
from instancectl.core.service import FileRef, Mount

BACKEND, EDGE = "backend", "edge"
MASTODON_UID = "991"
DOTENV = "/opt/mastodon/.env.production"
MEDIA = "/opt/mastodon/public/system"

GO_MEMORY_PERCENT = 85
"""Of the limit, above which Go's collector works harder rather than be killed."""

NAME_LIMIT = 64
"""Characters that Swarm allows in the name of a secret or config."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Files made from templates, as text; those that carry passwords are secrets.

    Attributes:
        proxy_files: path in the container → content.
        cache_files: likewise.
        notify_token: with which Alertmanager may tell the agent something.
        prometheus_files: path in the container → content; empty where there is no Prometheus.
        alertmanager_files: likewise.
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
    notify_token: Secret = NO_SECRET
    prometheus_files: Mapping[str, str] = field(default_factory=dict)
    alertmanager_files: Mapping[str, str] = field(default_factory=dict)
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
        full = self._named(name, content.reveal())
        self.secrets[full] = content
        return FileRef(full, target, uid, uid, mode)

    def file(self, service: str, target: str, content: str) -> FileRef:
        """Register a config, likewise; it is called after its service and file name."""
        name = target.rpartition("/")[2].replace(".", "-").lower()
        full = self._named(f"{service}-{name}", content)
        self.configs[full] = content
        return FileRef(full, target)

    def _named(self, name: str, content: str) -> str:
        prefix, mark = f"{self.config.stack}_", f"-{fingerprint(content)}"
        return prefix + name[: NAME_LIMIT - len(prefix) - len(mark)].rstrip("-") + mark

    def files(self, service: str, contents: Mapping[str, str]) -> tuple[FileRef, ...]:
        """Register several."""
        return tuple(self.file(service, target, content) for target, content in contents.items() if content)

    def dotenv(self) -> FileRef:
        """Mastodon's own dotenv reads it in web, sidekiq, streaming and tootctl alike."""
        return self.secret("env", self.rendered.dotenv, DOTENV, MASTODON_UID)


def pinned(build: Builder) -> tuple[str, ...]:
    """Keeps a service where the volumes are."""
    return placement.constraints(build.config.stack, None)


def placed(build: Builder, service: str) -> tuple[str, ...]:
    """Where a service without data of its own may run; with one host that needs saying only for media."""
    if build.layout.shares:
        return placement.constraints(build.config.stack, build.layout.share(service))
    return pinned(build) if build.config.media.storage == "local" else ()


def beside(build: Builder) -> tuple[str, ...]:
    """Keeps a service without data with the others of its kind, once there are several hosts."""
    return pinned(build) if build.layout.shares else ()


def most_per_host(build: Builder, service: str, *, updating: int = 0) -> int:
    """How many replicas Swarm may put on one host; `updating` more while an update rolls."""
    share = build.layout.share(service)
    return share.most_per_host + updating if share and share.hosts > 1 else 0


def media_mount(config: InstanceConfig, target: str = MEDIA, *, read_only: bool = False) -> tuple[Mount, ...]:
    """Local media, mounted at `target`; nothing when they are in a bucket."""
    return (Mount(target, "media", read_only=read_only),) if config.media.storage == "local" else ()


def collected_below(limit_bytes: int) -> tuple[tuple[str, str], ...]:
    """Environment of a program in Go that has so much memory."""
    return (("GOMEMLIMIT", str(limit_bytes * GO_MEMORY_PERCENT // 100)),)
