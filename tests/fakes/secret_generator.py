"""Secrets that are the same every time.

FakeSecretGenerator().generate(["DB_PASS"]).reveal("DB_PASS")  # → "DBPASSDBPASS…"
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from instancectl.core.p256 import G
from instancectl.core.secret_set import SecretSet, from_values

PRIVATE = base64.urlsafe_b64encode((1).to_bytes(32, "big")).decode()
PUBLIC = base64.urlsafe_b64encode(b"\x04" + b"".join(part.to_bytes(32, "big") for part in G)).decode()
"""The simplest pair there is: the private half 1, the generator as the public one."""

GENERATED = (
    "SECRET_KEY_BASE",
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY",
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT",
    "VAPID_PRIVATE_KEY",
    "VAPID_PUBLIC_KEY",
    "DB_PASS",
    "REDIS_PASSWORD",
)


class FakeSecretGenerator:
    """See `ports.secret_generator`."""

    def generate(self, names: Iterable[str]) -> SecretSet:
        wanted = set(names)
        made = {name: (name.replace("_", "") * 12)[:128] for name in wanted if not name.startswith("VAPID_")}
        if any(name.startswith("VAPID_") for name in wanted):
            made |= {"VAPID_PRIVATE_KEY": PRIVATE, "VAPID_PUBLIC_KEY": PUBLIC}
        return from_values(made)


def complete(**further: str) -> SecretSet:
    """Every secret a plain instance needs, and `further` ones."""
    made = FakeSecretGenerator().generate(GENERATED)
    return from_values({name: made.reveal(name) for name in made.values} | further)
