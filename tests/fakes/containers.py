"""A deployed instance that answers questions, and parts of which can die.

    instance = FakeContainers(config)          # everything runs
    instance.dead.add("db")                    # PostgreSQL is gone: what needs it answers 500
    instance.services.clear()                  # nothing is deployed yet
    instance.engine_down = True                # Docker does not answer

What fails without what is the table of what real Mastodon 4.6.3 did.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from instancectl.core import probes, questions
from instancectl.core.config import InstanceConfig
from instancectl.core.observed import Engine, Observed, ServiceState, Task
from instancectl.core.service import PublishedPort, ServiceSpec
from instancectl.errors import Unreachable

GIB = 1024**3
QUEUES = ["default", "push", "ingress", "mailers", "pull", "scheduler", "fasp"]
IMAGES = ("web", "streaming", "db", "redis", "cache", "proxy")

# Which death turns which surface into which status; measured on 4.6.3.
FAILS = {
    ("federation", "db"): 500,
    ("api", "redis"): 500,
    ("streaming", "db"): 500,
}


class FakeContainers:
    """See `ports.container_probe.ContainerProbe`."""

    def __init__(self, config: InstanceConfig) -> None:
        self.config = config
        self.engine_down = False
        self.engine = Engine("20.10.24", "1.41", "active", True, "node1", {}, 2, 8 * GIB)
        proxy = config.proxy
        ports = {"proxy": ((proxy.http_port, "tcp"), (proxy.https_port, "tcp"), (proxy.https_port, "udp"))}
        self.services = {
            name: ServiceSpec(
                name,
                f"{name}:1",
                ports=tuple(PublishedPort(port, port, kind) for port, kind in ports.get(name, ())),
            )
            for name in ("db", "redis", "web", "streaming", "sidekiq", "cache", "proxy")
        }
        self.dead: set[str] = set()
        self.owner_exists = True
        self.beats = {"host:1:a": (3.0, QUEUES)}
        self.policy = "noeviction"
        self.sizes = {"default": 2}
        self.connections = 12
        self.postgres_version, self.redis_version = "17.6", "8.0.2"
        self.images = {
            config.web_image, config.streaming_image, config.images.db, config.images.redis,
            config.images.cache, config.images.proxy, config.images.mail,
        }  # fmt: skip
        self.mail_records: tuple[tuple[str, ...], tuple[str, ...]] = (("mx.example",), ("192.0.2.9",))
        self.asked: list[str] = []

    def observe(self, stack: str) -> Observed:
        self._reach()
        return Observed(self.engine, {name: self._state(name) for name in self.services})

    def resolve_image(self, reference: str, *, pull: bool) -> str | None:
        self._reach()
        return reference if reference in self.images else None

    def run_in(self, stack: str, service: str, argv: Sequence[str]) -> tuple[int, str]:
        self._reach()
        self.asked.append(service)
        if service not in self.services or service in self.dead:
            raise Unreachable(f"no replica of `{service}` runs on this host", subject=service)
        command = tuple(argv)
        if command == questions.POSTGRES_ARGV:
            return 0, f"{self.postgres_version}|{self.connections}|100|1234567|c|en_US.utf8|2.41|2.41|f\n"
        if command == questions.REDIS_ARGV:
            return 0, self._redis()
        if command[0] == "ruby":
            return 0, self._mail_domain()
        if "--mail-rcpt" in command[2]:
            return (0, "") if "mail" in self.services else (6, "curl: (6) Could not resolve host: mail\n")
        return 0, self._probes()

    def run_image(self, image: str, argv: Sequence[str], *, network: str = "") -> tuple[int, str]:
        self._reach()
        if argv[0] == "ruby":
            return (0, self._mail_domain()) if network else (0, "mail-domain error=Network is unreachable\n")
        if argv[0] == "postgres":
            return 0, f"postgres (PostgreSQL) {self.postgres_version} (Debian)\n"
        return 0, f"Redis server v={self.redis_version} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n"

    def _reach(self) -> None:
        if self.engine_down:
            raise Unreachable("cannot reach the Docker Engine", hint="type `systemctl start docker`")

    def _state(self, name: str) -> ServiceState:
        running = "failed" if name in self.dead else "running"
        task = Task(f"{name}-1", 1, running, "running", f"{name}:1")
        return ServiceState(name, self.services[name], tasks=(task,))

    def _mail_domain(self) -> str:
        exchangers, addresses = self.mail_records
        return f"mail-domain mx={','.join(exchangers)} address={','.join(addresses)}\n"

    def _probes(self) -> str:
        return "".join(self._probe(one) for one in probes.probes(self.config))

    def _probe(self, one: probes.Probe) -> str:
        if one.service in self.dead:
            return f"probe {one.surface} - 6 000 0\n"
        well = 401 if one.surface == "streaming" else 200
        if one.surface == "federation" and not self.owner_exists:
            well = 404
        gone = (
            code for (surface, name), code in FAILS.items() if surface == one.surface and name in self.dead
        )
        status = next(gone, well)
        return f"probe {one.surface} 10.0.1.5 0 {status} 0.012\n"

    def _redis(self) -> str:
        now = 1_795_326_295
        rows = [
            [name, json.dumps({"queues": queues}), f"{now - age}", "false", "1", "5"]
            for name, (age, queues) in self.beats.items()
        ]
        info = "\r\n".join([
            f"redis_version:{self.redis_version}", f"maxmemory_policy:{self.policy}", "aof_enabled:1",
            "aof_last_write_status:ok", "aof_last_bgrewrite_status:ok", "used_memory:1000",
            "maxmemory:100000",
        ])  # fmt: skip
        answer = {"now": now, "info": info, "processes": rows or {}, "sizes": self.sizes or {}, "oldest": {}}
        return json.dumps({**answer, "retries": 0, "dead": 0, "failed": 0}) + "\n"
