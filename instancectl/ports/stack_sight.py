"""Looks at the replicas of a stack again and again, cheaply."""

from __future__ import annotations

from typing import Protocol

from instancectl.core.monitoring.sight import MemoryUse, Sight


class StackSight(Protocol):
    """Every method raises `Unreachable` when the Engine does not answer within seconds."""

    def look(self) -> Sight:
        """Services and replicas as they are now."""

    def memory(self, container_id: str) -> MemoryUse | None:
        """Of a container on this host; None when it is not here or gone."""
