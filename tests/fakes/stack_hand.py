"""A hand that moves the fake stack: replicas are there as soon as they are ordered.

hand = FakeStackHand(stack)
hand.did                      # [("replicate", "sidekiq-push", 2), …]
hand.refusal = "no"           # everything is refused from now on
"""

from __future__ import annotations

from instancectl.errors import OperationFailed
from tests.fakes.fuse import Fuse
from tests.fakes.stack_sight import FakeStackSight


class FakeStackHand:
    """See `ports.stack_hand.StackHand`."""

    def __init__(self, stack: FakeStackSight, fuse: Fuse | None = None) -> None:
        self.stack = stack
        self.did: list[tuple[str, str, int]] = []
        self.most: dict[str, int] = {}
        self.refusal = ""
        self._fuse = fuse or Fuse()

    def replicate(self, service: str, number: int, most_per_host: int = 0) -> None:
        self._reach()
        self._fuse.point()
        self.stack.replicas(service, number)
        self.most[service] = max(self.most.get(service, 0), most_per_host)
        self.did.append(("replicate", service, number))
        self._fuse.point()

    def end(self, container_id: str, grace_seconds: int) -> None:
        self._reach()
        self.did.append(("end", container_id, grace_seconds))

    def allow(self, container_id: str, *, memory_bytes: int = 0, weight: int = 0) -> None:
        self._reach()
        self.did.append(("memory" if memory_bytes else "weight", container_id, memory_bytes or weight))

    def _reach(self) -> None:
        if self.refusal:
            raise OperationFailed(f"the Docker Engine refused: {self.refusal}", subject="docker")
