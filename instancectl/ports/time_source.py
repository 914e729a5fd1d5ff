"""Whether this host's clock is kept right."""

from __future__ import annotations

from typing import Protocol


class TimeSource(Protocol):
    """The kernel's view of its clock."""

    def epoch_seconds(self) -> float:
        """Since 1970, UTC."""

    def synchronised(self) -> bool | None:
        """Whether something disciplines the clock; None when the kernel does not say."""
