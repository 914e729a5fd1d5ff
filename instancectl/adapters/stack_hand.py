"""Changes replicas and containers of one stack through the Engine's socket, without Docker's SDK."""

from __future__ import annotations

from typing import Any, Protocol

from instancectl.errors import OperationFailed

Json = dict[str, Any]
ATTEMPTS = 5
SWAP = 2  # a memory limit may not exceed the limit of memory and swap: Docker sets that to twice as much


class Asking(Protocol):
    """Requests to the Engine; None for what does not exist."""

    def get(self, path: str, filters: Json | None = None) -> Any: ...  # noqa: D102
    def post(self, path: str, body: Json | None = None, *, seconds: float = 3.0) -> Any: ...  # noqa: D102


class ResidentHand:
    """See `ports.stack_hand.StackHand`."""

    def __init__(self, stack: str, engine: Asking) -> None:
        """Asks `engine` and nobody else."""
        self._stack, self._engine = stack, engine

    def replicate(self, service: str, number: int, most_per_host: int = 0) -> None:
        """Write the number into the service; Swarm itself may write it meanwhile."""
        for attempts_left in reversed(range(ATTEMPTS)):
            found = self._engine.get(f"/services/{self._stack}_{service}")
            if not found:
                raise OperationFailed(f"there is no service `{service}`", subject=service)
            mode = found["Spec"].setdefault("Mode", {}).setdefault("Replicated", {})
            widened = _widened(found["Spec"], most_per_host)
            if mode.get("Replicas") == number and not widened:
                return
            mode["Replicas"] = number
            try:
                path = f"/services/{found['ID']}/update?version={found['Version']['Index']}"
                self._engine.post(path, found["Spec"])
            except OperationFailed as error:
                if not attempts_left or "out of sequence" not in error.message:
                    raise
            else:
                return

    def end(self, container_id: str, grace_seconds: int) -> None:
        """TERM, and after the grace KILL."""
        self._engine.post(f"/containers/{container_id}/stop?t={grace_seconds}", seconds=grace_seconds + 10.0)

    def allow(self, container_id: str, *, memory_bytes: int = 0, weight: int = 0) -> None:
        """Change the container in place; its successors have what their service says."""
        wanted: Json = {}
        if memory_bytes:
            wanted |= {"Memory": memory_bytes, "MemorySwap": memory_bytes * SWAP}
        if weight:
            wanted["CpuShares"] = weight
        self._engine.post(f"/containers/{container_id}/update", wanted)


def _widened(spec: Json, most_per_host: int) -> bool:
    """Raise the limit of replicas on one host, where there is one that is lower; whether it was."""
    placement = (spec.get("TaskTemplate") or {}).get("Placement") or {}
    if not 0 < placement.get("MaxReplicas", 0) < most_per_host:
        return False
    placement["MaxReplicas"] = most_per_host
    return True
