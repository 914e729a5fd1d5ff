"""What Mastodon reads from its environment: the `.env.production` file and the few plain variables.

Names and defaults: docs admin/config.md, config/database.yml, config/email.yml,
config/initializers/paperclip.rb and streaming/index.js of 4.6.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from instancectl.core.config import InstanceConfig, Mail, Media
from instancectl.core.dotenv import assignment
from instancectl.core.layout import Layout
from instancectl.core.secret_set import SecretSet
from instancectl.core.sizes import BASE

DATABASE, USER = "mastodon_production", "mastodon"
MAIL_CATCHER_PORT = "1025"

_SECRETS = (
    "SECRET_KEY_BASE",
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY",
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT",
    "VAPID_PRIVATE_KEY",
    "VAPID_PUBLIC_KEY",
    "OTP_SECRET",
)


def dotenv(config: InstanceConfig, secrets: SecretSet, layout: Layout) -> str:
    """The complete `.env.production`, secrets revealed: hand it to nobody but a Swarm secret.

    Raises:
        ConfigError: a value that Ruby and Node would read differently.
    """
    further = dict(_further(config, secrets))
    sections = (
        ("Identity", _identity(config)),
        ("PostgreSQL", _database(secrets, layout)),
        ("Redis", _redis(secrets)),
        ("Secrets", _secrets(secrets)),
        ("Mail", _mail(config, secrets)),
        ("Media", _media(config.media, secrets)),
    )
    lines: list[str] = []
    for title, pairs in sections:
        # What the admin says about a variable that is not reserved wins: it stands alone, at the end.
        lines += _section(title, [pair for pair in pairs if pair[0] not in further])
    return "\n".join([*lines, *_section("Further variables", list(further.items()))])


def _section(title: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [f"# {title}", *(assignment(name, value) for name, value in pairs), ""] if pairs else []


def tunables(service: str, layout: Layout) -> dict[str, str]:
    """Plain environment of one service: what is read before the dotenv file, or differs per service.

    DB_POOL is set for streaming only: Rails takes MAX_THREADS or the Sidekiq concurrency by itself.
    """
    if service == "web":
        web = layout.web
        return {
            "BIND": "0.0.0.0",  # noqa: S104 - inside its container; only the overlay network reaches it
            "MAX_THREADS": str(web.threads),
            "PORT": "3000",
            "WEB_CONCURRENCY": str(web.processes),
        }
    if service == "streaming":
        return {"BIND": "0.0.0.0", "DB_POOL": str(layout.streaming.db_pool), "PORT": "4000"}  # noqa: S104
    if service.startswith(BASE):
        plan = next(plan for plan in layout.sidekiq if plan.service == service)
        return {"SIDEKIQ_CONCURRENCY": str(plan.threads)}
    return {}


def direct_database_env() -> dict[str, str]:
    """Overrides for migrations and tootctl: straight to PostgreSQL, around PgBouncer.

    Advisory locks do not survive transaction pooling (docs admin/scaling.md).
    """
    return {"DB_HOST": "db", "DB_PORT": "5432"}


def _identity(config: InstanceConfig) -> Iterator[tuple[str, str]]:
    instance = config.instance
    yield "LOCAL_DOMAIN", instance.domain
    if instance.web_domain and instance.web_domain != instance.domain:
        yield "WEB_DOMAIN", instance.web_domain
    if instance.alternate_domains:
        yield "ALTERNATE_DOMAINS", ",".join(instance.alternate_domains)
    if instance.single_user:
        yield "SINGLE_USER_MODE", "true"
    if config.mastodon.authorized_fetch:
        yield "AUTHORIZED_FETCH", "true"


def _database(secrets: SecretSet, layout: Layout) -> Iterator[tuple[str, str]]:
    yield "DB_HOST", "pgbouncer" if layout.pgbouncer else "db"
    yield "DB_PORT", "6432" if layout.pgbouncer else "5432"
    yield "DB_NAME", DATABASE
    yield "DB_USER", USER
    yield "DB_PASS", secrets.reveal("DB_PASS")
    if layout.pgbouncer:
        yield "PREPARED_STATEMENTS", "false"


def _redis(secrets: SecretSet) -> Iterator[tuple[str, str]]:
    yield "REDIS_HOST", "redis"
    yield "REDIS_PORT", "6379"
    yield "REDIS_PASSWORD", secrets.reveal("REDIS_PASSWORD")


def _secrets(secrets: SecretSet) -> Iterator[tuple[str, str]]:
    for name in _SECRETS:
        if secrets.get(name):
            yield name, secrets.reveal(name)


def _mail(config: InstanceConfig, secrets: SecretSet) -> Iterator[tuple[str, str]]:
    mail = config.mail
    sender = mail.from_address or f"notifications@{config.instance.domain}"
    if mail.mode == "catch":
        yield "SMTP_SERVER", "mail"
        yield "SMTP_PORT", MAIL_CATCHER_PORT
        yield "SMTP_FROM_ADDRESS", sender
        yield "SMTP_AUTH_METHOD", "none"
        yield "SMTP_OPENSSL_VERIFY_MODE", "none"
        yield "SMTP_ENABLE_STARTTLS", "never"
    elif mail.mode == "smtp" and mail.server:
        yield "SMTP_SERVER", mail.server
        yield "SMTP_PORT", str(mail.port)
        yield "SMTP_FROM_ADDRESS", sender
        yield from _smtp_login(mail, secrets)
        yield "SMTP_OPENSSL_VERIFY_MODE", mail.verify
        yield "SMTP_ENABLE_STARTTLS", mail.starttls
        if mail.tls:
            yield "SMTP_TLS", "true"


def _smtp_login(mail: Mail, secrets: SecretSet) -> Iterator[tuple[str, str]]:
    # With `none` a login must be absent, not empty, or Rails tries to authenticate with it.
    if not mail.login or mail.auth_method == "none":
        yield "SMTP_AUTH_METHOD", "none"
        return
    yield "SMTP_LOGIN", mail.login
    yield "SMTP_PASSWORD", secrets.reveal("SMTP_PASSWORD")
    yield "SMTP_AUTH_METHOD", mail.auth_method


def _media(media: Media, secrets: SecretSet) -> Iterator[tuple[str, str]]:
    if media.storage != "s3":
        return
    yield "S3_ENABLED", "true"
    yield "S3_BUCKET", media.s3_bucket
    yield "S3_REGION", media.s3_region
    if media.s3_endpoint:
        protocol, _, host = media.s3_endpoint.rpartition("://")
        yield "S3_ENDPOINT", media.s3_endpoint
        # Media links are made of these two unless there is an alias host.
        yield "S3_PROTOCOL", protocol or "https"
        yield "S3_HOSTNAME", host.rstrip("/")
        if not media.s3_path_style:
            yield "S3_OVERRIDE_PATH_STYLE", "true"  # upstream's name for *not* path style
    if media.s3_alias_host:
        yield "S3_ALIAS_HOST", media.s3_alias_host
    yield "S3_PERMISSION", media.s3_permission
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        yield name, secrets.reveal(name)


def _further(config: InstanceConfig, secrets: SecretSet) -> Iterator[tuple[str, str]]:
    yield from sorted(config.mastodon.env.items())
    for name in secrets.further:
        yield name, secrets.reveal(name)
