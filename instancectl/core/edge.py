"""What the edge tier is told: `proxy` (Caddy) in front of `cache` (nginx).

Pure values; the templates `Caddyfile.j2`, `nginx.conf.j2` and the two pages turn
them into files, and `edge_files` says which file belongs where.
docs/explanation/edge.md explains why there are two tiers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from instancectl.core.config import InstanceConfig
from instancectl.errors import ConfigError

PROXY_CONFIG_FILE = "/etc/caddy/Caddyfile"
PROXY_DATA_DIRECTORY = "/data"
"""Certificates and ACME accounts: must be a volume, or every restart asks for new ones."""

TLS_CERTIFICATE_FILE = "/etc/caddy/tls.crt"
TLS_KEY_FILE = "/run/secrets/tls.key"
ACME_CA_ROOT_FILE = "/etc/caddy/acme-root.pem"

CACHE_CONFIG_FILE = "/etc/nginx/nginx.conf"
CACHE_PAGES_DIRECTORY = "/etc/nginx/pages"
CACHE_PORT = 8080
MEDIA_ROOT = "/srv/system"
"""Where the media volume is mounted, read-only, in `cache`."""

# Busybox's wget (official Caddy image) and GNU's understand these options.
PROXY_HEALTH = ("CMD", "wget", "-q", "-T", "3", "-O", "/dev/null", "http://127.0.0.1:8081/healthz")
"""Health check of `proxy`: Caddy runs and has loaded its file."""

# The official nginx image carries curl.
CACHE_HEALTH = (
    "CMD", "curl", "-fsS", "--max-time", "3", "-o", "/dev/null", f"http://127.0.0.1:{CACHE_PORT}/-/health",
)  # fmt: skip
"""Health check of `cache`: nginx answers by itself, whatever the state of `web`."""

STOP_GRACE_SECONDS = 30
"""Stop grace of both: they end by themselves 20 s after the signal at the latest."""

_UNSAFE = re.compile(r"[\s{};\"'`\\#$<>]")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """All that decides the edge's files.

    Attributes:
        domain: LOCAL_DOMAIN, the name in every account's address.
        web_domain: WEB_DOMAIN, where the site is; empty when it is `domain`.
        alternate_domains: further names that show the site itself.
        www_redirect: also serve `www.<domain>`, as a redirect to the site.
        tls_mode: `acme`, `internal` (Caddy's own CA) or `files`.
        acme_email: contact given to the certificate authority; may be empty.
        acme_directory: ACME directory URL; empty for Caddy's defaults.
        acme_ca_root: path inside the container of the root that signs the ACME
            server's own certificate; empty for the system's roots.
        tls_certificate: path inside the container of the chain (`files`).
        tls_key: path inside the container of the private key (`files`).
        http_port: HTTP port as clients see it.
        https_port: HTTPS port as clients see it.
        hsts_seconds: max-age of Strict-Transport-Security; 0 removes the header,
            Mastodon's own too.
        media_local: serve `/system/` from `media_root`; otherwise it goes to `web`.
        media_root: where the media volume is mounted in `cache`.
        authorized_fetch: signed answers depend on who asks and are never shared.
        shed_reading: anonymous visitors get 429 for what costs most: timelines, search, trends.
        half_inbox: the same half of the other servers gets 503 for what it delivers.
        maintenance: answer 503 to everything but `/-/`.
        maintenance_retry_after_seconds: Retry-After during maintenance.
        maintenance_message: shown on the maintenance page; plain text.
        mail_catcher: serve `mail.<domain>` to private addresses.
        resolver: DNS server that knows the service names (Docker's own).
        cache_mebibytes: disk the shared answers may use.
        cache_keys_mebibytes: memory for their index, about 8,000 answers per MiB.
        body_limit_bytes: largest request; Mastodon takes videos up to 99 MiB.
        requests_per_second: sustained rate one public address may ask `web` at.
        request_burst: requests above that rate before 429.
    """

    domain: str
    web_domain: str = ""
    alternate_domains: tuple[str, ...] = ()
    www_redirect: bool = False
    tls_mode: Literal["acme", "internal", "files"] = "acme"
    acme_email: str = ""
    acme_directory: str = ""
    acme_ca_root: str = ""
    tls_certificate: str = TLS_CERTIFICATE_FILE
    tls_key: str = TLS_KEY_FILE
    http_port: int = 80
    https_port: int = 443
    hsts_seconds: int = 63_072_000
    media_local: bool = True
    media_root: str = MEDIA_ROOT
    authorized_fetch: bool = False
    shed_reading: bool = False
    half_inbox: bool = False
    maintenance: bool = False
    maintenance_retry_after_seconds: int = 300
    maintenance_message: str = ""
    mail_catcher: bool = False
    resolver: str = "127.0.0.11"
    cache_mebibytes: int = 512
    cache_keys_mebibytes: int = 16
    body_limit_bytes: int = 99 * 1024 * 1024
    requests_per_second: int = 30
    request_burst: int = 300

    def __post_init__(self) -> None:
        """Refuse text that would be read as syntax of a configuration file.

        Raises:
            ConfigError: a value holds a space, a quote, a brace or the like.
        """
        for field in fields(self):
            if field.name == "maintenance_message":  # escaped by its template
                continue
            value = getattr(self, field.name)
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and (found := _UNSAFE.search(text)):
                    raise ConfigError(
                        f"cannot write `{text}` into the edge's files: `{field.name}` has {found.group()!r}",
                        hint="remove spaces, quotes, braces, `;`, `#`, `$`, `<`, `>` and backslashes from it",
                        subject=field.name,
                    )

    @property
    def site(self) -> str:
        """The host name people open in a browser."""
        return self.web_domain or self.domain

    @property
    def site_names(self) -> tuple[str, ...]:
        """Names that show the site: the main one first, each once."""
        return tuple(dict.fromkeys((self.site, *self.alternate_domains)))

    @property
    def identity_domain(self) -> str:
        """`domain` where it only points to the site; empty where it is the site."""
        return "" if self.domain in self.site_names else self.domain

    @property
    def www_name(self) -> str:
        """`www.<domain>`, or empty when it is not wanted or already a site name."""
        name = f"www.{self.domain}"
        return name if self.www_redirect and name not in self.site_names else ""

    @property
    def mail_name(self) -> str:
        """Where caught mail can be read, or empty."""
        return f"mail.{self.domain}" if self.mail_catcher else ""

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name a certificate is needed for."""
        further = (self.identity_domain, self.www_name, self.mail_name)
        return (*self.site_names, *(name for name in further if name))

    @property
    def https_port_suffix(self) -> str:
        """What follows the host name in an https URL: empty, or `:8443`."""
        return "" if self.https_port == 443 else f":{self.https_port}"


@dataclass(frozen=True, slots=True)
class EdgeFile:
    """One rendered file: template `template` becomes `target` in service `service`."""

    service: Literal["proxy", "cache"]
    target: str
    template: str


_FILES = (
    EdgeFile("proxy", PROXY_CONFIG_FILE, "Caddyfile.j2"),
    EdgeFile("cache", CACHE_CONFIG_FILE, "nginx.conf.j2"),
    EdgeFile("cache", f"{CACHE_PAGES_DIRECTORY}/unavailable.html", "unavailable.html"),
)
_MAINTENANCE_PAGE = EdgeFile("cache", f"{CACHE_PAGES_DIRECTORY}/maintenance.html", "maintenance.html")


def edge_files(settings: EdgeSettings) -> tuple[EdgeFile, ...]:
    """The files of both tiers; each template is rendered with `edge=settings`.

    The maintenance page is there during maintenance only, so that a changed
    message replaces nothing while it is not shown.
    """
    return (*_FILES, _MAINTENANCE_PAGE) if settings.maintenance else _FILES


def edge_settings(
    config: InstanceConfig,
    *,
    maintenance: bool = False,
    message: str = "",
    retry_after_seconds: int = 300,
    given_up: Sequence[str] = (),
) -> EdgeSettings:
    """The edge of the instance that `config` describes.

    Args:
        config: the instance file.
        maintenance: answer 503 to everything, with a page for people.
        message: shown on that page.
        retry_after_seconds: when to come back.
        given_up: what is turned away while a surge lasts: `reading`, `inbox`.
    """
    return EdgeSettings(
        domain=config.instance.domain,
        web_domain=config.instance.web_domain,
        alternate_domains=tuple(name for name in config.instance.alternate_domains if name),
        www_redirect=config.proxy.www_redirect,
        tls_mode=config.tls.mode,
        acme_email=config.tls.acme_email or config.owner.email,
        acme_directory=config.tls.acme_directory,
        acme_ca_root=ACME_CA_ROOT_FILE if config.tls.acme_ca_root else "",
        http_port=config.proxy.http_port,
        https_port=config.proxy.https_port,
        hsts_seconds=config.proxy.hsts_seconds,
        media_local=config.media.storage == "local",
        authorized_fetch=config.mastodon.authorized_fetch,
        shed_reading="reading" in given_up,
        half_inbox="inbox" in given_up,
        maintenance=maintenance,
        maintenance_message=message,
        maintenance_retry_after_seconds=retry_after_seconds,
        mail_catcher=config.mail.mode == "catch",
        cache_mebibytes=config.proxy.cache_mib,
    )
