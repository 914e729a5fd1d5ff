"""A stack whose replicas are named by hand.

stack = FakeStackSight()
stack.replicas("web", 2)           # web.1 at 10.0.1.11, web.2 at 10.0.1.12
stack.gone.add("web")              # wanted, but without a container
stack.engine_down = True           # every look raises
stack.nodes = (Node("1", "one"), …)  # several hosts, this one first; Swarm chooses that with the fewest
stack.on["web"] = ["one"]          # where the replicas of a service are, slot by slot
"""

from __future__ import annotations

from instancectl.core.host.placement import allowed
from instancectl.core.monitoring.sight import MemoryUse, Replica, Sight
from instancectl.core.observed import Node
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
        self.nodes: tuple[Node, ...] = ()
        self.places: dict[str, tuple[str, ...]] = {}
        self.on: dict[str, list[str]] = {}
        self.starting: set[str] = set()

    def replicas(self, service: str, number: int) -> None:
        """Set how many there are."""
        self.wanted[service] = number
        if not self.nodes:
            return
        on = self.on.setdefault(service, [])
        while len(on) > number:
            del on[max(range(len(on)), key=lambda at: (on[: at + 1].count(on[at]), at))]
        while len(on) < number:
            able = [node.id for node in self.nodes if allowed(self.places.get(service, ()), node)]
            on.append(min(able, key=lambda one: (on.count(one), self._carried(one))))

    def _carried(self, node_id: str) -> int:
        return sum(nodes.count(node_id) for nodes in self.on.values())

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
        home = self.nodes[0].id if self.nodes else ""
        places = {service: self.places.get(service, ()) for service in self.wanted}
        return Sight(
            dict(self.wanted),
            tuple(found),
            updating=self.updating,
            nodes=self.nodes,
            home=home,
            places=places,
        )

    def memory(self, container_id: str) -> MemoryUse | None:
        return MemoryUse(1000, 5000)

    def _replica(self, service: str, at: int, slot: int) -> Replica:
        addresses = {} if service in {"db", "redis"} else {"edge": f"10.0.{at}.{10 + slot}"}
        node = self.on[service][slot - 1] if self.nodes else ""
        here = service not in self.elsewhere and (not self.nodes or node == self.nodes[0].id)
        runs = service not in self.starting
        return Replica(service, slot, container_id(service, slot), addresses, runs, here, node)


def container_id(service: str, slot: int) -> str:
    """`sidekiq10000…`, `spush1000000…`: the first twelve characters are the host name of the container."""
    return f"{service.replace('sidekiq-', 's')}{slot}".ljust(64, "0")
