"""An instance on one host and an empty other one: real PostgreSQL, Redis, media and destination.

Only what Swarm does is imitated: services are names, and the new PostgreSQL is started as a container.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

from instancectl.adapters.docker_engine import DockerSwarm
from instancectl.adapters.docker_engine.scratch import DockerScratch
from instancectl.adapters.docker_engine.streams import DockerStreams
from instancectl.adapters.media_tree import MediaTree
from instancectl.adapters.restore_files import HandoverFile, RecordFile
from instancectl.adapters.restoring.media_target import MediaDirectory
from instancectl.adapters.restoring.restore_desk import DeskDirectory
from instancectl.adapters.restoring.volume_files import VolumeDirectory
from instancectl.core.applied import Applied
from instancectl.core.backup import receiving, reviving
from instancectl.core.backup.aside import RESTORED
from instancectl.core.result import Result
from instancectl.operations.backup import handover, moving
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.ground import Ground, Here, Stage, Wish
from instancectl.operations.backup.ready import Giving
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.sending import send
from instancectl.ports.destination import Destination
from tests.benchmarks.backup_moments import Commits
from tests.contract.backup_harness import Database, docker, postgres, tree
from tests.contract.test_moments_real import Cluster
from tests.fakes.backup_figures import FakeFigures
from tests.fakes.fuse import Fuse
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.restore import FakeDeployer, FakeInstanceFiles
from tests.fakes.state import FakeState
from tests.fakes.swarm import FakeSwarm


class Services(FakeSwarm):
    """Names of services; whoever commits is `web`."""

    def __init__(self) -> None:
        super().__init__(active=True)
        self.commits: Commits | None = None

    def remove(self, stack: str, kind: str, name: str) -> None:
        if name == "web" and self.commits:
            self.commits.__exit__()
        super().remove(stack, kind, name)


class OldHost:
    """Where it runs."""

    def __init__(self, cluster: Cluster, destination: Destination) -> None:
        self.cluster, self.made = cluster, cluster.made
        self.repository: Repository = self.made.repository(destination)
        self.outlet = replace(cluster.outlet(), repositories=[self.repository])
        self.swarm = Services()
        self.deployer = FakeDeployer(self.swarm, self.made.stack)
        self.deployer.start("deploy", lambda _: True)
        self.record = HandoverFile(self.made.directory / "state" / "handover.json")

    def prepare(self) -> None:
        """A set that can be followed."""
        send(self.outlet)
        self.made.backup(self.repository.destination)
        self.cluster.say("after the base")  # it reaches into the next segment, where nothing may be written
        send(self.outlet)

    @property
    def giving(self) -> Giving:
        made = self.made
        here = Here(
            state=FakeState(Applied(owner_done=True)),
            record=RecordFile(made.directory / "state" / "restore.json"),
            desk=DeskDirectory(made.directory / "desk"),
            swarm=self.swarm,
            lock=FakeLock(),
            journal=made.journal,
            figures=made.figures,
            tools=made.tools(),
            stage=lambda: Stage(made.config, self.deployer, self._back(), self._volumes(), None, {}),
        )
        return Giving(here, self.outlet, made.subject(), self.record)

    def _volumes(self) -> VolumeDirectory:
        return VolumeDirectory(lambda volume: str(self.made.directory / volume))

    def _back(self) -> DatabaseBack:
        return DatabaseBack(DockerStreams(DockerSwarm()), self._volumes(), self.made.stack)

    def hand_over(self) -> Result:
        return handover.hand_over(self.giving)


class Starter(FakeDeployer):
    """Starts a real PostgreSQL for `db`, and commits a row as soon as that answers."""

    def __init__(self, host: NewHost) -> None:
        super().__init__(FakeSwarm(active=True), host.stack)
        self.host = host

    def start(self, why, wanted) -> None:
        if wanted("db") and self.host.database is None:
            self.host.bring_up()
        super().start(why, wanted)


@dataclass
class NewHost:
    """Where it goes; its directory and its volumes survive a killed run."""

    cluster: Cluster
    destination: Destination
    directory: Path
    containers: ExitStack
    number: int = 1
    database: Database | None = None
    first: float = 0.0
    _record_fuse: Fuse = field(default_factory=Fuse)

    def __post_init__(self) -> None:
        self.state = FakeState()
        self.deployer = Starter(self)
        self.deployer.swarm.images[self.cluster.config.images.db] = ""

    @property
    def stack(self) -> str:
        return f"{self.cluster.made.stack}-new{self.number}"

    def path(self, volume: str) -> Path:
        return Path(DockerStreams(DockerSwarm()).volume_path(self.stack, volume))

    def bring_up(self) -> None:
        where = (
            "--volume", f"{self.stack}_db:{reviving.DIRECTORY}",
            "--env", f"PGDATA={reviving.DIRECTORY}/pgdata",
            "--volume", f"{self.directory / 'socket'}:{receiving.SOCKET}",
        )  # fmt: skip
        secrets = self.cluster.made.secrets
        made = postgres(self.stack, secrets, self.cluster.image, *where)
        self.database = self.containers.enter_context(made)
        self.database.sql("insert into words (word) values ('here')")
        self.first = time.time()

    def as_cluster(self) -> Cluster:
        """What runs here now, as something to back up."""
        assert self.database is not None
        made = copy(self.cluster.made)
        made.stack, made.directory = self.stack, self.directory
        named = made.config.instance.model_copy(update={"name": self.stack})
        made.config = made.config.model_copy(update={"instance": named})
        return Cluster(made, self.database, self.path("db"), self.cluster.image)

    def stage(self) -> Stage:
        streams = DockerStreams(DockerSwarm())
        volumes = VolumeDirectory(lambda volume: str(self.path(volume)))
        target = MediaDirectory(
            lambda: self.path("media") / RESTORED, lambda root: MediaTree(root, ()).walk()
        )
        back = DatabaseBack(streams, volumes, self.stack)
        return Stage(self.cluster.config, self.deployer, back, volumes, target, {}, follower=self.scratch)

    @property
    def scratch(self) -> DockerScratch:
        return DockerScratch(DockerSwarm(), self.stack, "following")

    @property
    def ground(self) -> Ground:
        made, streams = self.cluster.made, DockerStreams(DockerSwarm())
        scratch = self.scratch
        rolling = self.cluster.rolling()
        repository = Repository(self.destination, made.crypto, made.public)
        rolling = replace(
            rolling,
            repository=repository,
            opener=replace(rolling.opener, destination=self.destination),
            scratch=scratch,
            volumes=VolumeDirectory(lambda volume: streams.volume_path(scratch.stack, volume)),
        )
        return Ground(
            state=self.state,
            record=RecordFile(self.directory / "restore.json"),
            desk=DeskDirectory(self.directory / "desk"),
            swarm=self.deployer.swarm,
            lock=FakeLock(),
            journal=FakeJournal(),
            figures=FakeFigures(),
            tools=made.tools(),
            stage=self.stage,
            repository=repository,
            opener=rolling.opener,
            files=FakeInstanceFiles(self._record_fuse),
            understood=lambda _: self.cluster.config,
            free_bytes=lambda: None,
            rolling=rolling,
            following=rolling,
            handed=HandoverFile(self.directory / "handover.json"),
        )

    def follow(self) -> Result:
        return moving.follow(self.ground, Wish(follow=True))

    def media(self) -> dict[bytes, bytes]:
        return {name: content for name, content in tree(self.path("media")).items() if name[:1] != b"."}


@contextmanager
def new_host(cluster: Cluster, destination: Destination, directory: Path) -> Iterator[NewHost]:
    for name in ("wal", "socket"):
        (directory / name).mkdir(parents=True)
    with ExitStack() as containers:
        host = NewHost(cluster, destination, directory, containers)
        for name in ("db", "media", "redis"):
            volume = f"{host.stack}_{name}"
            docker("volume", "create", volume)
            remove = ["docker", "volume", "rm", "--force", volume]
            containers.callback(subprocess.run, remove, check=False, capture_output=True)
        containers.callback(host.scratch.sweep)
        yield host


@dataclass(frozen=True)
class Moved:
    """What a move came to: seconds between the last commit on the old host and the first on the new one."""

    gap: float
    committed: int
    lost_rows: int
    files: int
    lost_files: int
    total: float


def move(old: OldHost, new: NewHost, *, settle: float = 2.0) -> Moved:
    """Somebody commits all the time and uploads until the last second, while it is followed and moves."""
    failed: list[BaseException] = []

    def follow() -> None:
        try:
            new.follow()
        except BaseException as error:
            failed.append(error)
            raise

    follower = threading.Thread(target=follow, daemon=True)
    media = old.made.media

    def late() -> None:
        (media / "late.jpg").write_bytes(b"late")
        next(media.rglob("*.jpg")).unlink()

    old.deployer.when_paged = late
    with Commits(old.cluster.database.container) as commits:
        old.swarm.commits = commits
        follower.start()
        wait_for_trace(old, follower)
        time.sleep(settle)
        began = time.time()
        old.hand_over()
        follower.join(300)
    assert not failed, failed
    assert new.database is not None
    found = new.database.sql("select extract(epoch from word::timestamptz) from words where word ~ '^2'")
    there = {float(word) for word in found.split()}
    ours, theirs = tree(media), new.media()
    return Moved(
        gap=new.first - commits.known[-1],
        committed=len(commits.known),
        lost_rows=len(set(commits.known) - there),
        files=len(ours),
        lost_files=sum(1 for name, content in ours.items() if theirs.get(name) != content)
        + len(set(theirs) - set(ours)),
        total=new.first - began,
    )


def wait_for_trace(old: OldHost, follower: threading.Thread, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not any(True for _ in old.repository.destination.listed("followers/")):
        assert follower.is_alive(), "the follower ended"
        assert time.monotonic() < deadline, "nobody follows"
        time.sleep(0.5)
