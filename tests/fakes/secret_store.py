"""Secrets in memory.

store = FakeSecretStore(DB_PASS="x" * 20)
store.add(from_values({"DB_PASS": "other", "REDIS_PASSWORD": "y" * 20}))  # → ("REDIS_PASSWORD",)
"""

from __future__ import annotations

from instancectl.core.secret_set import SecretSet, from_values


class FakeSecretStore:
    """See `ports.secret_store`."""

    location = "secrets.env"

    def __init__(self, **values: str) -> None:
        self.secrets = from_values(values)

    def load(self) -> SecretSet:
        return self.secrets

    def add(self, secrets: SecretSet) -> tuple[str, ...]:
        added = tuple(name for name in secrets.values if secrets.get(name) and not self.secrets.get(name))
        self.secrets = self.secrets.filled(secrets.values)
        return added
