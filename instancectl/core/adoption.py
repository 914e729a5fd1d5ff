"""From an existing server's `.env.production` to configuration and secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from instancectl.core.config import RESERVED_ENV
from instancectl.core.config_keys import Value
from instancectl.core.secret_set import NAMES, SecretSet, from_values
from instancectl.errors import ConfigError, Refused

IRREPLACEABLE: Final = (
    "SECRET_KEY_BASE",
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY",
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT",
    "VAPID_PRIVATE_KEY",
    "VAPID_PUBLIC_KEY",
)
"""What an existing server's database and subscribers depend on: never made up for an adopted instance."""

_NOT_OURS: Final = frozenset({"DB_PASS", "REDIS_PASSWORD"})
"""Of the old PostgreSQL and Redis; the new ones get their own."""

_DERIVED: Final = re.compile(
    r"(?:SIDEKIQ_|CACHE_)?REDIS_.*|(?:REPLICA_)?(?:DB|DATABASE)_.*|(?:REPLICA_)?PREPARED_STATEMENTS"
    r"|RAILS_ENV|NODE_ENV|SOCKET|RAILS_SERVE_STATIC_FILES|TRUSTED_PROXY_IP|STREAMING_.*|PAPERCLIP_.*|LD_PRELOAD"
    r"|MALLOC_.*|RUBY_.*|MIN_THREADS|PERSISTENT_TIMEOUT|S3_(?:ENABLED|PROTOCOL|HOSTNAME)"
    r"|SMTP_(?:ENABLE_STARTTLS(?:_AUTO)?|SSL|TLS)"
)
"""Names whose values follow from the deployment, or from other keys; both differ here."""

_SECRETIVE: Final = re.compile(r"PASS|SECRET|TOKEN|_KEY\b|PRIVATE|CREDENTIAL")
_PUBLIC: Final = frozenset({"HCAPTCHA_SITE_KEY"})
_URL_WITH_PASSWORD: Final = re.compile(r"://[^/@\s]+:[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Adoption:
    """What was taken from a file.

    Attributes:
        wanted: dotted key of `instance.toml` → value.
        secrets: those that go on living, further ones included.
        left_out: names that are derived here, sorted.
    """

    wanted: Mapping[str, Value]
    secrets: SecretSet
    left_out: tuple[str, ...]


def adopt(values: Mapping[str, str]) -> Adoption:
    """Take over what an existing server says about itself.

    Raises:
        Refused: the server was told to erase itself (SELF_DESTRUCT).
        ConfigError: a secret that its data depends on is not there, or a value is none of the known ones.
    """
    if values.get("SELF_DESTRUCT"):
        raise Refused(
            "cannot adopt a server that was told to erase itself: the file holds `SELF_DESTRUCT`",
            hint="remove that line if this is a mistake",
            subject="SELF_DESTRUCT",
        )
    missing = [name for name in IRREPLACEABLE if not values.get(name)]
    if missing:
        raise ConfigError(
            f"cannot adopt the server: the file does not hold {', '.join(f'`{name}`' for name in missing)}",
            hint="its database is worthless without them: take them from the server or its backup",
            subject=missing[0],
        )
    wanted: dict[str, Value] = dict(_wanted(values))
    rest = {name: value for name, value in values.items() if name not in _TAKEN and name not in NAMES}
    dropped = {name for name in rest if name in RESERVED_ENV or _DERIVED.fullmatch(name)}
    kept = {name: value for name, value in rest.items() if name not in dropped and value}
    secret = {name: value for name, value in kept.items() if looks_secret(name, value)}
    wanted["mastodon.env"] = {name: value for name, value in kept.items() if name not in secret}
    known = {name: value for name, value in values.items() if name in NAMES and name not in _NOT_OURS}
    left_out = dropped | {name for name in _NOT_OURS if name in values}
    return Adoption(wanted, from_values(known | secret), tuple(sorted(left_out)))


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable should rather stand in `secrets.env`, judged by its name and shape."""
    secretive = name not in _PUBLIC and _SECRETIVE.search(name) is not None
    return secretive or _URL_WITH_PASSWORD.search(value) is not None


def _true(text: str) -> bool:
    return text.strip().lower() == "true"


def _number(text: str) -> Value:
    return int(text) if text.isdigit() else text  # the model says what is wrong with it


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_SAME: Final[Mapping[str, tuple[str, Callable[[str], Value]]]] = {
    "LOCAL_DOMAIN": ("instance.domain", str.lower),
    "WEB_DOMAIN": ("instance.web_domain", str.lower),
    "ALTERNATE_DOMAINS": ("instance.alternate_domains", _list),
    "SINGLE_USER_MODE": ("instance.single_user", _true),
    "AUTHORIZED_FETCH": ("mastodon.authorized_fetch", _true),
    "SMTP_SERVER": ("mail.server", str),
    "SMTP_PORT": ("mail.port", _number),
    "SMTP_LOGIN": ("mail.login", str),
    "SMTP_FROM_ADDRESS": ("mail.from_address", str),
    "SMTP_AUTH_METHOD": ("mail.auth_method", str),
    "SMTP_OPENSSL_VERIFY_MODE": ("mail.verify", str),
}
"""Variable → key and conversion, where one is the other."""

_BUCKET: Final = {
    "S3_BUCKET": "media.s3_bucket",
    "S3_REGION": "media.s3_region",
    "S3_ENDPOINT": "media.s3_endpoint",
    "S3_ALIAS_HOST": "media.s3_alias_host",
    "S3_CLOUDFRONT_HOST": "media.s3_alias_host",
    "S3_PERMISSION": "media.s3_permission",
}

_TAKEN: Final = frozenset({*_SAME, *_BUCKET, "S3_OVERRIDE_PATH_STYLE"})


def _wanted(values: Mapping[str, str]) -> Mapping[str, Value]:
    found: dict[str, Value] = {
        path: convert(values[name]) for name, (path, convert) in _SAME.items() if values.get(name)
    }
    return found | _mail(values) | _media(values)


def _mail(values: Mapping[str, str]) -> dict[str, Value]:
    """Upstream's defaults differ from ours, so what the file leaves out is said here."""
    if not values.get("SMTP_SERVER"):
        return {"mail.mode": "none"}
    found: dict[str, Value] = {"mail.mode": "smtp"}
    if not values.get("SMTP_PORT"):
        found["mail.port"] = 25
    if not values.get("SMTP_LOGIN"):
        found["mail.auth_method"] = "none"
    if _true(values.get("SMTP_TLS", "")) or _true(values.get("SMTP_SSL", "")):
        return {**found, "mail.tls": True, "mail.starttls": "never"}
    automatic = "never" if values.get("SMTP_ENABLE_STARTTLS_AUTO") == "false" else "auto"
    found["mail.starttls"] = values.get("SMTP_ENABLE_STARTTLS") or automatic
    return found


def _media(values: Mapping[str, str]) -> dict[str, Value]:
    if not _true(values.get("S3_ENABLED", "")):
        return {}
    found: dict[str, Value] = {"media.storage": "s3"}
    # An empty S3_PERMISSION means something (a store without access lists), an absent one does not.
    found |= {path: values[name] for name, path in reversed(_BUCKET.items()) if name in values}
    if "S3_ENDPOINT" in values:
        found["media.s3_path_style"] = not _true(values.get("S3_OVERRIDE_PATH_STYLE", ""))
    return found
