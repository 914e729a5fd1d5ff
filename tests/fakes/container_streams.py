"""Commands in containers that dump what a test put into the database.

streams = FakeStreams(clock)
streams.tables["public.accounts"] = 3
streams.dump_fails = "pg_dump: error: connection lost"
streams.base_fails = "pg_basebackup: error: …"     # half-way
streams.cut_after = 10      # bytes of the dump, then the container is gone
streams.cluster = FakeCluster(clock)    # writes WAL, and has files
streams.databases = FakeDatabases(volumes, fuse)    # what a restore works on
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from instancectl.core.backup import receiving
from instancectl.core.backup.database import OURS, TOLD
from instancectl.errors import OperationFailed, Unreachable
from tests.fakes.databases import FakeDatabases
from tests.fakes.scratch import FakeScratch
from tests.fakes.wal import SEGMENT_BYTES, FakeCluster


class FakeStreams:
    """See `ports.container_streams.ContainerStreams`."""

    def __init__(self) -> None:
        self.tables: dict[str, int] = {"public.accounts": 1}
        self.filling = b""
        self.globals = b"--\nCREATE ROLE mastodon;\n"
        self.dump_fails = ""
        self.redis_fails = ""
        self.base_fails = ""
        self.cut_after: int | None = None
        self.down = False
        self.started: list[str] = []
        self.databases: FakeDatabases | None = None
        self.scratch: FakeScratch | None = None
        self.commands: dict[tuple[str, ...], bytes] = {}
        self.cluster: FakeCluster | None = None

    @contextmanager
    def start(self, stack: str, service: str, argv: tuple[str, ...]) -> Iterator[FakeRunning]:
        if self.down:
            raise Unreachable(f"no replica of `{service}` runs on this host", subject=service)
        self.started.append(service)
        if argv in self.commands:
            yield FakeRunning(self.commands[argv], "", 0)
            return
        if self.scratch and (answered := self.scratch.run(service, argv)):
            yield FakeRunning(*answered)
            return
        if self.databases and (done := self.databases.run(argv)):
            yield FakeRunning(*done)
            return
        if self.cluster and argv in {receiving.SWITCH, receiving.BASE}:
            yield self._of_cluster(self.cluster, argv)
            return
        answers = {
            OURS.dump: self._dump,
            OURS.globals: self._globals,
            OURS.redis: self._redis,
            OURS.size: self._size,
            receiving.BASE_SIZE: self._base_size,
        }
        yield answers[argv]()

    def volume_path(self, stack: str, name: str) -> str:
        if self.down:
            raise OperationFailed(f"no volume {name}")
        return f"/volumes/{stack}_{name}"

    def _of_cluster(self, cluster: FakeCluster, argv: tuple[str, ...]) -> FakeRunning:
        if argv == receiving.SWITCH:
            return FakeRunning(cluster.switch().encode(), "", 0)
        if self.base_fails:
            return FakeRunning(b"backup_label\0" + bytes(50_000), f"{self.base_fails}\n", 1)
        told = {
            "system": cluster.system, "segment_bytes": SEGMENT_BYTES, "version": "17.5", "machine": "x86_64",
            "first": cluster.last, "last": cluster.last,
            "reached": int(cluster.clock.epoch_seconds()),
        }  # fmt: skip
        said = "".join(f"{TOLD}{key} {value}\n" for key, value in told.items())
        return FakeRunning(b"backup_label\0" + json.dumps(self.tables).encode(), said, 0)

    def _dump(self) -> FakeRunning:
        if self.dump_fails:
            return FakeRunning(b"", f"{self.dump_fails}\n{TOLD}dumped 1\n{TOLD}ended\n", 0)
        told = [f"{TOLD}version 17.5", f"{TOLD}dumped 0"]
        told += [f"{TOLD}rows {table} {rows}" for table, rows in self.tables.items()]
        content = b"PGDMP" + json.dumps(self.tables).encode() + self.filling
        return FakeRunning(content, "\n".join([*told, f"{TOLD}ended", ""]), 0, self.cut_after)

    def _size(self) -> FakeRunning:
        return FakeRunning(str(1000 + len(self.filling)).encode() + b"\n", "", 0)

    def _base_size(self) -> FakeRunning:
        return FakeRunning(str(7000 + len(self.filling)).encode() + b"\n", "", 0)

    def _globals(self) -> FakeRunning:
        return FakeRunning(self.globals, "", 0)

    def _redis(self) -> FakeRunning:
        if self.redis_fails:
            return FakeRunning(b"", self.redis_fails, 1)
        return FakeRunning(b"REDIS0011", "", 0)


class FakeRunning:
    """See `ports.container_streams.Running`."""

    def __init__(self, content: bytes, said: str, code: int, cut_after: int | None = None) -> None:
        self._content, self.said, self._code, self._cut = content, said, code, cut_after

    def output(self) -> Iterator[bytes]:
        for at in range(0, len(self._content), 1000):
            if self._cut is not None and at >= self._cut:
                raise Unreachable("the output of `db` was cut: its container or the Docker Engine went away")
            yield self._content[at : at + 1000]
        if self._cut is not None:
            raise Unreachable("the output of `db` was cut: its container or the Docker Engine went away")

    def code(self) -> int:
        return self._code
