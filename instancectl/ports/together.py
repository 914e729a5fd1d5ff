"""Several looks at once, with one deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from instancectl.core.unknown import Unknown

T = TypeVar("T")


class Together(Protocol):
    """Runs looks side by side; a look that hangs is left behind, not waited for."""

    def run(self, looks: Mapping[str, Callable[[], T]], timeout_seconds: float) -> Mapping[str, T | Unknown]:
        """What each look returned.

        An `InstanceError` becomes `Unknown` with its message and hint; any other exception becomes `Unknown`,
        too, and names itself; what is not back in time is `Unknown`.
        """
