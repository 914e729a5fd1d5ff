"""What a restore remembers and writes, in memory, and a deployer that only says what it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict

from instancectl.core.backup.handing import Given
from instancectl.core.backup.restoring import Record
from instancectl.core.result import Result, Status
from instancectl.core.service import ServiceSpec
from instancectl.errors import InstanceError
from tests.fakes.fuse import Fuse
from tests.fakes.swarm import FakeSwarm

SERVICES = ("db", "redis", "web", "streaming", "sidekiq", "sidekiq-push", "cache", "proxy")


class FakeRecord:
    """See `ports.restore_record.RestoreRecord`."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse, self.kept = fuse, None

    def load(self) -> Record | None:
        return self.kept

    def save(self, record: Record) -> None:
        self.fuse.point()
        self.kept = Record.from_json(record.as_json())
        self.fuse.point()

    def remove(self) -> None:
        self.fuse.point()
        self.kept = None


class FakeHandoverRecord:
    """See `ports.handover_record.HandoverRecord`."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse, self.kept = fuse, None

    def load(self) -> Given | None:
        return self.kept

    def save(self, given: Given) -> None:
        self.fuse.point()
        self.kept = Given.from_json(asdict(given))
        self.fuse.point()

    def remove(self) -> None:
        self.fuse.point()
        self.kept = None


class FakeInstanceFiles:
    """See `ports.instance_files.InstanceFiles`."""

    location = "/etc/instancectl"

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.files: dict[str, bytes] = {}

    def put(self, name: str, content: bytes) -> str:
        self.fuse.point()
        moved = ""
        if self.files.get(name, content) != content:
            moved = f"{name}.before-restore"
            self.files[moved] = self.files[name]
        self.files[name] = content
        return moved


class FakeDeployer:
    """See `operations.backup.ground.Deployer`. `began` is what it brought up, in order."""

    def __init__(self, swarm: FakeSwarm, stack: str) -> None:
        self.swarm, self.stack = swarm, stack
        self.began: list[str] = []
        self.fails: InstanceError | None = None
        self.deployed = 0
        self.ran: list[tuple[str, ...]] = []
        self.answer = (0, "OK")
        self.page: str | None = None
        self.when_paged: Callable[[], object] = lambda: None

    def once(self, name: str, argv: Iterable[str], timeout_seconds: int) -> tuple[int, str]:
        self.swarm.fuse.point()
        assert {"db", "redis", "web"} <= set(self.swarm.observe(self.stack).services)
        self.ran.append(tuple(argv))
        self.swarm.fuse.point()
        return self.answer

    def maintenance(self, message: str | None) -> Result:
        self.swarm.fuse.point()
        self.page = message
        if message is not None:
            self.when_paged()
        self.swarm.fuse.point()
        return Result(Status.CHANGED)

    def start(self, why: str, wanted: Callable[[str], bool]) -> None:
        for name in SERVICES:
            if wanted(name) and self.swarm.service(self.stack, name) is None:
                self.swarm.create_service(self.stack, ServiceSpec(name, "image:1"))
                self.began.append(name)
        self.swarm.clock.sleep(30)

    def deploy(self, why: str = "deploy") -> Result:
        self.start(why, lambda _: True)
        self.swarm.fuse.point()
        if self.fails:
            raise self.fails
        self.deployed += 1
        return Result(Status.CHANGED)
