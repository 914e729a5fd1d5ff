"""A stack whose replicas are named by hand.

stack = FakeStackSight()
stack.replicas("web", 2)           # web.1 at 10.0.1.11, web.2 at 10.0.1.12
stack.gone.add("web")              # wanted, but without a container
stack.engine_down = True           # every look raises
"""

from __future__ import annotations

from instancectl.core.monitoring.sight import MemoryUse, Replica, Sight
from instancectl.errors import Unreachable

SERVICES = ("db", "redis", "web", "streaming", "sidekiq", "cache", "proxy")


class FakeStackSight:
    """See `ports.stack_sight.StackSight`."""

    def __init__(self) -> None:
        self.wanted: dict[str, int] = {}
        self.gone: set[str] = set()
        self.elsewhere: set[str] = set()
        self.engine_down = False
        self.updating: tuple[str, ...] = ()
        self.looks = 0

    def replicas(self, service: str, number: int) -> None:
        """Set how many there are."""
        self.wanted[service] = number

    def all(self) -> None:
        """One of each service."""
        self.wanted = dict.fromkeys(SERVICES, 1)

    def look(self) -> Sight:
        if self.engine_down:
            raise Unreachable("cannot reach the Docker Engine", subject="docker")
        self.looks += 1
        found = [
            self._replica(service, at, slot)
            for at, (service, number) in enumerate(self.wanted.items(), 1)
            for slot in range(1, number + 1)
            if service not in self.gone
        ]
        return Sight(dict(self.wanted), tuple(found), updating=self.updating)

    def memory(self, container_id: str) -> MemoryUse | None:
        return MemoryUse(1000, 5000)

    def _replica(self, service: str, at: int, slot: int) -> Replica:
        addresses = {} if service in {"db", "redis"} else {"edge": f"10.0.{at}.{10 + slot}"}
        here = service not in self.elsewhere
        return Replica(service, slot, container_id(service, slot), addresses, runs=True, here=here)


def container_id(service: str, slot: int) -> str:
    """`sidekiq10000…`, `spush1000000…`: the first twelve characters are the host name of the container."""
    return f"{service.replace('sidekiq-', 's')}{slot}".ljust(64, "0")
