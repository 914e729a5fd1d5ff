"""The secrets of an instance: what each is, when it is needed, and what a good one looks like.

Facts: docs admin/config.md and admin/backups.md, lib/tasks/db.rake, lib/tasks/mastodon.rake and
config/initializers/active_record_encryption.rb of 4.6.3. Nothing here generates or stores any.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from instancectl.core.check import Finding, Severity
from instancectl.core.config import RESERVED_ENV, InstanceConfig
from instancectl.core.dotenv import quoted
from instancectl.core.p256 import pair_matches
from instancectl.core.releases import at_least, parse_version
from instancectl.core.secrets import Secret
from instancectl.errors import ConfigError

DEVELOPMENT_MARKER = "DO_NOT_USE_IN_PRODUCTION"
"""Values that end in it abort Mastodon's boot (config/initializers/active_record_encryption.rb)."""

VAPID = ("VAPID_PRIVATE_KEY", "VAPID_PUBLIC_KEY")

_TOKEN = re.compile(r"[A-Za-z0-9_+/=.~-]+")
_P256_POINT = 65  # bytes of an uncompressed point: 0x04, x, y
_P256_SCALAR = 32


@dataclass(frozen=True, slots=True)
class SecretKind:
    """One secret.

    Attributes:
        name: upstream's variable.
        purpose: what it is for.
        loss: what losing or changing it means.
        generated: whether instancectl makes one when there is none.
        required: whether this configuration needs it.
        fault: what is wrong with a value, in words without the value; empty when nothing is.
    """

    name: str
    purpose: str
    loss: str
    generated: bool
    required: Callable[[InstanceConfig], bool]
    fault: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class SecretSet:
    """Secrets by upstream's names; immutable, never printed."""

    values: Mapping[str, Secret] = field(default_factory=dict)

    def get(self, name: str) -> Secret:
        """The secret, or an empty one."""
        return self.values.get(name, Secret(""))

    def reveal(self, name: str) -> str:
        """The value itself, for the one place that hands it over; empty when there is none."""
        return self.get(name).reveal()

    def filled(self, further: Mapping[str, Secret]) -> SecretSet:
        """This set with `further` added where it has no value; an existing value is never replaced."""
        missing = {name: value for name, value in further.items() if value and not self.get(name)}
        return SecretSet({**self.values, **missing})

    def missing(self, config: InstanceConfig) -> tuple[SecretKind, ...]:
        """What the configuration needs and this set lacks."""
        return tuple(kind for kind in CATALOGUE if kind.required(config) and not self.get(kind.name))

    def problems(self, config: InstanceConfig) -> tuple[Finding, ...]:
        """A `fail` for every secret that is missing, short or mangled; never a value in it."""
        found = [_failed(kind, "missing", _hint_missing(kind)) for kind in self.missing(config)]
        for kind in CATALOGUE:
            secret = self.get(kind.name)
            fault = kind.fault(secret.reveal()) if secret else ""
            if fault:
                found.append(_failed(kind, fault, _HINT_MANGLED))
        return (*found, *_pair(self), *_further_problems(self, config))

    @property
    def further(self) -> tuple[str, ...]:
        """Names beyond the catalogue, sorted: secrets that only Mastodon understands (`ES_PASS` …)."""
        return tuple(sorted(name for name in self.values if name not in NAMES))

    def require(self, config: InstanceConfig) -> None:
        """Check everything at once.

        Raises:
            ConfigError: names every secret that is missing or wrong; nothing was touched.
        """
        problems = self.problems(config)
        if not problems:
            return
        several = f"{len(problems)} secrets are wrong: " if len(problems) > 1 else ""
        raise ConfigError(
            several + "; ".join(finding.seen for finding in problems),
            hint=problems[0].hint,
            subject=problems[0].check.removeprefix("secret-"),
        )


_HINT_MANGLED = (
    "compare the line in `secrets.env` with where it came from; quotes and spaces do not belong to it"
)


def _failed(kind: SecretKind, fault: str, hint: str) -> Finding:
    return Finding(
        check=f"secret-{kind.name}",
        severity=Severity.FAIL,
        seen=f"`{kind.name}` {'is ' if fault == 'missing' else ''}{fault}",
        needed=kind.purpose,
        hint=hint,
    )


def _hint_missing(kind: SecretKind) -> str:
    if kind.generated:
        return "run `instancectl init` to generate what is missing, or restore `secrets.env` from your backup"
    return f"add `{kind.name}=…` to `secrets.env`, or run `instancectl init`"


def _pair(secrets: SecretSet) -> tuple[Finding, ...]:
    """The VAPID halves must belong together: a mixed pair fails at the first push, silently."""
    private, public = (decode_urlsafe(secrets.reveal(name)) or b"" for name in VAPID)
    if len(private) != _P256_SCALAR or len(public) != _P256_POINT or pair_matches(private, public):
        return ()
    finding = Finding(
        check="secret-VAPID_PUBLIC_KEY",
        severity=Severity.FAIL,
        seen="`VAPID_PRIVATE_KEY` and `VAPID_PUBLIC_KEY` are no pair",
        needed="both halves of one key",
        hint="take both lines from the same server",
    )
    return (finding,)


def _further_problems(secrets: SecretSet, config: InstanceConfig) -> tuple[Finding, ...]:
    """Variables beyond the catalogue must be ours to pass on, writable, and said once."""
    found = []
    for name in secrets.further:
        fault = _writable(name)(secrets.reveal(name))
        if name in RESERVED_ENV:
            fault = "is derived by instancectl; remove it from `secrets.env`"
        elif name in config.mastodon.env:
            fault = "stands in `[mastodon.env]` too; keep one of them"
        if fault:
            seen = f"`{name}` {fault}"
            found.append(Finding(f"secret-{name}", Severity.FAIL, seen, "one value", _HINT_MANGLED))
    return tuple(found)


def _always(_: InstanceConfig) -> bool:
    return True


def _smtp_login(config: InstanceConfig) -> bool:
    return config.mail.mode == "smtp" and bool(config.mail.login) and config.mail.auth_method != "none"


def _s3(config: InstanceConfig) -> bool:
    return config.media.storage == "s3"


def _before_4_4(config: InstanceConfig) -> bool:
    return not at_least(parse_version(config.instance.release) or (), (4, 4))


def _token(least: int) -> Callable[[str], str]:
    def fault(value: str) -> str:
        if value.endswith(DEVELOPMENT_MARKER):
            return "is the development value; Mastodon refuses to start with it"
        if not _TOKEN.fullmatch(value):
            return "holds a character that does not belong there (a space, a quote, a placeholder?)"
        if len(value) < least:
            return f"is too short: {len(value)} characters, at least {least} needed"
        return ""

    return fault


def _vapid(size: int, first: bytes = b"") -> Callable[[str], str]:
    def fault(value: str) -> str:
        decoded = decode_urlsafe(value)
        if decoded is None:
            return "is not URL-safe base64"
        if len(decoded) != size or not decoded.startswith(first):
            return f"is no half of a P-256 key pair: {len(decoded)} bytes, {size} needed"
        return ""

    return fault


def decode_urlsafe(value: str) -> bytes | None:
    """The bytes of URL-safe base64 with or without padding; None when it is none."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", value):
        return None
    bare = value.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        return None


def _writable(name: str) -> Callable[[str], str]:
    """A foreign password: anything that can be written for Ruby and Node alike."""

    def fault(value: str) -> str:
        try:
            quoted(name, value)
        except ConfigError as error:
            return error.message.removeprefix(f"`{name}` ")
        return ""

    return fault


_ENCRYPTION_LOSS = (
    "Never change it. Up to 4.6 two-factor secrets become unreadable; from 4.7 on every local account "
    "loses its federation key."
)

CATALOGUE: tuple[SecretKind, ...] = (
    SecretKind("SECRET_KEY_BASE", "signs sessions and links",
               "Everyone is logged out, signed links break. Recoverable.", True, _always, _token(64)),
    SecretKind("ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY", "encrypts columns of the database",
               _ENCRYPTION_LOSS, True, _always, _token(32)),
    SecretKind("ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY", "encrypts columns of the database",
               _ENCRYPTION_LOSS, True, _always, _token(32)),
    SecretKind("ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT", "encrypts columns of the database",
               _ENCRYPTION_LOSS, True, _always, _token(32)),
    SecretKind("VAPID_PRIVATE_KEY", "signs web push messages; pair of VAPID_PUBLIC_KEY",
               "All web push subscriptions die.", True, _always, _vapid(_P256_SCALAR)),
    SecretKind("VAPID_PUBLIC_KEY", "identifies the server to push services; pair of VAPID_PRIVATE_KEY",
               "All web push subscriptions die.", True, _always, _vapid(_P256_POINT, b"\x04")),
    SecretKind("OTP_SECRET", "two-factor secrets of releases up to 4.3",
               "Needed once by the migration to 4.4, then never again.", True, _before_4_4, _token(32)),
    SecretKind("DB_PASS", "password of the role `mastodon` in PostgreSQL",
               "Replaceable: set a new one in PostgreSQL and here.", True, _always, _token(16)),
    SecretKind("REDIS_PASSWORD", "password of Redis", "Replaceable.", True, _always, _token(16)),
    SecretKind("SMTP_PASSWORD", "password at the mail provider", "Replaceable: make a new one there.",
               False, _smtp_login, _writable("SMTP_PASSWORD")),
    SecretKind("AWS_ACCESS_KEY_ID", "name of the key for the media bucket", "Replaceable.",
               False, _s3, _writable("AWS_ACCESS_KEY_ID")),
    SecretKind("AWS_SECRET_ACCESS_KEY", "key for the media bucket", "Replaceable.",
               False, _s3, _writable("AWS_SECRET_ACCESS_KEY")),
)  # fmt: skip
"""All secrets, in the order of `secrets.env`."""

NAMES = frozenset(kind.name for kind in CATALOGUE)


def from_values(values: Mapping[str, str]) -> SecretSet:
    """A set of all `values` that are not empty."""
    return SecretSet({name: Secret(value) for name, value in values.items() if value})


def reference_markdown() -> str:
    """The reference page of the secrets."""
    rows = [
        f"| `{kind.name}` | {kind.purpose} | {'generated' if kind.generated else 'given'} | {kind.loss} |"
        for kind in CATALOGUE
    ]
    return "\n".join((
        "# Secrets",
        "",
        "They live in `secrets.env` beside `instance.toml`, mode 0600, one `NAME=value` a line.",
        "`instancectl init` generates what is missing and never replaces what is there.",
        "Further variables that are secret (`ES_PASS`, `HCAPTCHA_SECRET_KEY` …) may stand there too:",
        "they reach Mastodon as they are.",
        "Keep a copy of this file apart from the machine.",
        "",
        "| Name | For | Comes from | If it is lost or changed |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
    ))  # fmt: skip
