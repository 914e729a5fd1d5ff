"""Changes the number and the share of what runs, and nothing else, as a resident process may."""

from __future__ import annotations

from typing import Protocol


class StackHand(Protocol):
    """Every method raises `Unreachable` without an Engine, and `OperationFailed` when that refuses."""

    def replicate(self, service: str, number: int, most_per_host: int = 0) -> None:
        """Have so many replicas. Those that leave get TERM and the time their service grants them.

        A limit per host that is lower than `most_per_host` is raised to that; nothing restarts for it.
        """

    def end(self, container_id: str, grace_seconds: int) -> None:
        """Stop one container of this host by TERM; Swarm starts its successor."""

    def allow(self, container_id: str, *, memory_bytes: int = 0, weight: int = 0) -> None:
        """Raise the memory limit, or set the processor weight, of one container of this host."""
