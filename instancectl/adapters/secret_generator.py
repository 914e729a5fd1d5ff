"""Makes secrets of the shapes that Mastodon's own tasks make (lib/tasks/db.rake, lib/tasks/mastodon.rake)."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import Secret

_ALPHANUMERIC = string.ascii_letters + string.digits
_LENGTHS = {
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY": 32,
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY": 32,
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT": 32,
    "DB_PASS": 48,
    "REDIS_PASSWORD": 48,
}
_HEX_BYTES = {"SECRET_KEY_BASE": 64, "OTP_SECRET": 64}  # `rails secret`: 128 hex digits
VAPID = ("VAPID_PRIVATE_KEY", "VAPID_PUBLIC_KEY")


class SystemSecretGenerator:
    """New secrets from the operating system's random source."""

    def generate(self, names: Iterable[str]) -> SecretSet:
        """See `ports.secret_generator`."""
        wanted = set(names)
        made = {name: _alphanumeric(length) for name, length in _LENGTHS.items() if name in wanted}
        made |= {name: secrets.token_hex(size) for name, size in _HEX_BYTES.items() if name in wanted}
        if wanted & set(VAPID):
            made |= dict(zip(VAPID, vapid_pair(), strict=True))
        return SecretSet({name: Secret(value) for name, value in made.items()})


def vapid_pair() -> tuple[str, str]:
    """(private, public) halves of a P-256 key: 44 and 88 characters of padded URL-safe base64."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_numbers().private_value.to_bytes(32, "big")
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(private).decode(), base64.urlsafe_b64encode(public).decode()


def _alphanumeric(length: int) -> str:
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))
