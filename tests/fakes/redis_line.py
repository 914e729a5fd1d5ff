"""A Redis in memory that knows the commands which monitoring uses, and no others.

line = FakeRedisLine()
line.push("push", {"class": "X", "enqueued_at": 1_795_326_295_000})
line.beat("host:1:abc", queues=("default", "push"))
line.unreachable = True          # every question raises from now on
line.asked                       # all commands, in order
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from instancectl.core.monitoring.sidekiq import Command, Reply
from instancectl.errors import Unreachable

INFO = {
    "redis_version": "8.0.2", "role": "master", "rdb_last_bgsave_status": "ok", "aof_enabled": "1",
    "aof_last_write_status": "ok", "used_memory": "1000", "maxmemory": "100000",
    "maxmemory_policy": "noeviction", "connected_clients": "7", "rdb_last_save_time": "1795326000",
}  # fmt: skip


class FakeRedisLine:
    """See `ports.redis_line.RedisLine`."""

    def __init__(self, now: float = 1_795_326_300.0) -> None:
        self.now = now
        self.info = dict(INFO)
        self.lists: dict[str, list[bytes]] = {}
        self.sorted: dict[str, dict[bytes, float]] = {}
        self.hashes: dict[str, dict[str, str]] = {}
        self.sets: dict[str, set[str]] = {}
        self.values: dict[str, str] = {}
        self.unreachable = False
        self.asked: list[Command] = []

    # ---- what tests put in

    def push(self, queue: str, payload: dict[str, object]) -> None:
        """One more job, the newest."""
        self.sets.setdefault("queues", set()).add(queue)
        self.lists.setdefault(f"queue:{queue}", []).insert(0, json.dumps(payload).encode())

    def beat(
        self,
        identity: str,
        *,
        queues: Sequence[str] = (),
        ago: float = 1,
        threads: int = 5,
        busy: int = 0,
        quiet: bool = False,
    ) -> None:
        """A heartbeat of one process, as Sidekiq 8.1 writes it."""
        self.sets.setdefault("processes", set()).add(identity)
        weights = dict.fromkeys(queues, 1)
        info = {
            "hostname": identity.split(":", maxsplit=1)[0],
            "version": "8.1.7",
            "capsules": {"default": {"weights": weights}},
        }
        self.hashes[identity] = {
            "info": json.dumps(info), "beat": str(self.now - ago), "quiet": str(quiet).lower(),
            "busy": str(busy), "concurrency": str(threads), "rss": "315032", "rtt_us": "114",
        }  # fmt: skip

    # ---- the port

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        self._reach()
        self.asked += commands
        return [self._reply(*command) for command in commands]

    def greet(self) -> None:
        self._reach()

    def _reach(self) -> None:
        if self.unreachable:
            raise Unreachable("Redis: connection refused", subject="redis")

    def _reply(self, name: str, *words: str) -> Reply:
        if name == "TIME":
            return [str(int(self.now)).encode(), str(int(self.now % 1 * 1e6)).encode()]
        if name == "INFO":
            return "\r\n".join(f"{key}:{value}" for key, value in self.info.items()).encode()
        if name == "CONFIG":
            return [b"stop-writes-on-bgsave-error", b"yes"]
        return getattr(self, f"_{name.lower()}")(*words)

    def _smembers(self, key: str) -> Reply:
        return [one.encode() for one in self.sets.get(key, ())]

    def _get(self, key: str) -> Reply:
        return self.values[key].encode() if key in self.values else None

    def _hgetall(self, key: str) -> Reply:
        return [word.encode() for pair in self.hashes.get(key, {}).items() for word in pair]

    def _hmget(self, key: str, *fields: str) -> Reply:
        found = self.hashes.get(key, {})
        return [found[name].encode() if name in found else None for name in fields]

    def _hvals(self, key: str) -> Reply:
        return [value.encode() for value in self.hashes.get(key, {}).values()]

    def _llen(self, key: str) -> Reply:
        return len(self.lists.get(key, ()))

    def _lindex(self, key: str, index: str) -> Reply:
        found = self.lists.get(key, [])
        return found[int(index)] if found else None

    def _zcard(self, key: str) -> Reply:
        return len(self.sorted.get(key, ()))

    def _zrange(self, key: str, first: str, last: str, with_scores: str = "") -> Reply:
        found = sorted(self.sorted.get(key, {}).items(), key=lambda entry: entry[1])
        found = found[int(first) : int(last) + 1]
        if not with_scores:
            return [member for member, _ in found]
        return [word for member, score in found for word in (member, f"{score:.17g}".encode())]

    def _zadd(self, key: str, only_known: str, score: str, member: str) -> Reply:
        assert only_known == "XX"
        known = self.sorted.get(key, {})
        if member.encode() in known:
            known[member.encode()] = float(score)
        return 0
