"""Where new secrets come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from instancectl.core.secret_set import SecretSet


class SecretGenerator(Protocol):
    """Makes secrets from the system's randomness."""

    def generate(self, names: Iterable[str]) -> SecretSet:
        """New values for `names`; both halves of the VAPID pair are made when either is asked for."""
        ...
