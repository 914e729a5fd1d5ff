"""An instance with a backup set, and a host on which that set is restored; all of it in memory."""

from __future__ import annotations

import json
import tomllib
from contextlib import contextmanager
from dataclasses import replace

from instancectl.core.applied import Applied
from instancectl.core.config import InstanceConfig
from instancectl.core.result import Result
from instancectl.core.secrets import Secret
from instancectl.operations.backup import live, moving, restore
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.ground import Ground, Stage, Wish
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.rolling import Rolling
from tests.fakes.backup_figures import FakeFigures
from tests.fakes.container_streams import FakeStreams
from tests.fakes.databases import PRODUCTION, FakeDatabases
from tests.fakes.fuse import Fuse
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.reporter import FakeReporter
from tests.fakes.restore import FakeDeployer, FakeHandoverRecord, FakeInstanceFiles, FakeRecord
from tests.fakes.scratch import FakeScratch
from tests.fakes.standby import TABLES, FakeStandby
from tests.fakes.state import FakeState
from tests.fakes.swarm import FakeSwarm
from tests.fakes.volumes import FakeDesk, FakeMediaTarget, FakeVolumes
from tests.operations.backup_world import World

LIVE = {"tables": {"public.accounts": 9, "public.statuses": 99}}
INSTANCE = b"""\
[instance]
domain = "social.example"
[mail]
mode = "none"
"""
APPLIED = b"""\
{"local_domain": "social.example", "schema_before": "web:1", "schema_after": "web:1", "owner_done": true}
"""


class Source(World):
    """Where sets come from."""

    def __init__(self) -> None:
        super().__init__()
        self.release = super().config.instance.release
        self.files = {
            "instance.toml": INSTANCE,
            "secrets.env": b"SECRET_KEY_BASE=x\n",
            "state/applied.json": APPLIED,
        }
        for number in range(20):
            self.media.write(f"accounts/{number:02}/a.jpg", f"media {number}".encode() * number)
        self.streams.tables = {"public.accounts": 3, "public.statuses": 40}

    @property
    def config(self) -> InstanceConfig:
        made = super().config
        return made.model_copy(
            update={"instance": made.instance.model_copy(update={"release": self.release})}
        )

    @property
    def subject(self):
        return replace(super().subject, files=self.files, images={"web:1": "web:1"})


class Host:
    """Where a set is restored. Everything but the process survives a kill."""

    def __init__(self, source: Source) -> None:
        self.source, self.fuse = source, Fuse()
        self.volumes = FakeVolumes(self.fuse)
        self.databases = FakeDatabases(self.volumes, self.fuse)
        self.streams = FakeStreams()
        self.streams.databases = self.databases
        self.scratch, self.scratched = FakeScratch(self.fuse), FakeVolumes(self.fuse)
        self.streams.scratch = self.scratch
        self.stood = FakeVolumes(self.fuse, "/volumes/following")
        self.volumes.elsewhere[self.stood.where] = self.stood
        self.standby = FakeStandby(self.fuse, self.stood)
        self.standing = FakeStreams()
        self.standing.scratch = self.standby
        self.handed = FakeHandoverRecord(self.fuse)
        self.record, self.files = FakeRecord(self.fuse), FakeInstanceFiles(self.fuse)
        self.state, self.desk = FakeState(fuse=self.fuse), FakeDesk()
        self.swarm = FakeSwarm(source.clock, self.fuse, active=True)
        self.swarm.images["web:1"] = ""
        self.deployer = FakeDeployer(self.swarm, self.config.stack)
        self.volumes.users = lambda: self.running - {"db", "cache", "proxy"}
        self.target = FakeMediaTarget(self.volumes)
        self.journal, self.reporter = FakeJournal(self.fuse), FakeReporter()
        self.lock, self.figures = FakeLock(), FakeFigures()
        self.silences: list[str] = []
        self.free: int | None = 10**12
        self.machine = "x86_64"
        self.fingerprints = {"SECRET_KEY_BASE": "abc"}
        self.identity: Secret = source.identity

    @property
    def config(self) -> InstanceConfig:
        return InstanceConfig.model_validate(tomllib.loads(INSTANCE.decode()))

    def with_instance(self) -> Host:
        """One that is live, with data of its own."""
        for name in ("db", "media", "redis"):
            self.swarm.create_volume(self.config.stack, name)
        self.files.files = {"instance.toml": INSTANCE, "secrets.env": b"SECRET_KEY_BASE=x\n"}
        self.databases.all[PRODUCTION] = dict(LIVE["tables"])
        self.volumes.live["media"] = {"accounts/99/new.jpg": b"new", "cache/1.jpg": b"remote"}
        self.volumes.live["redis"] = {"appendonlydir/x": b"jobs"}
        self.state.save(Applied(schema_before="web:2", schema_after="web:2", owner_done=True))
        self.deployer.start("deploy", lambda _: True)
        return self

    @property
    def running(self) -> set[str]:
        return set(self.swarm.observe(self.config.stack).services)

    def stage(self) -> Stage:
        assert "instance.toml" in self.files.files, "there are no settings yet"
        database = DatabaseBack(self.streams, self.volumes, self.config.stack)
        return Stage(
            self.config,
            self.deployer,
            database,
            self.volumes,
            self.target,
            self.fingerprints,
            self.silenced,
            self.standby,
        )

    @contextmanager
    def silenced(self, why: str):
        self.silences.append(why)
        yield

    @property
    def ground(self) -> Ground:
        source = self.source
        tools = replace(source.tools, reporter=self.reporter)
        repository = source.repository()
        rolling = Rolling(
            repository=repository,
            opener=Opener(repository.destination, source.sealing, self.identity, source.progress),
            scratch=self.scratch,
            volumes=self.scratched,
            streams=self.streams,
            swarm=self.swarm,
            tools=tools,
            machine=self.machine,
            understood=lambda _: self.config,
        )
        return Ground(
            state=self.state,
            record=self.record,
            desk=self.desk,
            swarm=self.swarm,
            lock=self.lock,
            journal=self.journal,
            figures=self.figures,
            tools=tools,
            stage=self.stage,
            repository=repository,
            opener=Opener(repository.destination, source.sealing, self.identity, source.progress),
            files=self.files,
            understood=lambda text: InstanceConfig.model_validate(tomllib.loads(text)),
            free_bytes=lambda: self.free,
            rolling=rolling,
            following=replace(rolling, scratch=self.standby, volumes=self.stood, streams=self.standing),
            handed=self.handed,
        )

    def restore(
        self, set_id: str = "latest", *accepted: str, beside: bool = False, redis: bool = False, at: str = ""
    ) -> Result:
        return restore.restore(self.ground, Wish(set_id, beside, redis, accepted, at))

    def show(self, set_id: str = "latest", *accepted: str, at: str = "") -> Result:
        return restore.show(self.ground, Wish(set_id, accepted=accepted, at=at))

    def follow(self, *accepted: str, redis: bool = False) -> Result:
        return moving.follow(self.ground, Wish(redis=redis, accepted=accepted, follow=True))

    def undo(self) -> Result:
        return live.undo(self.ground)

    def finish(self) -> Result:
        return live.finish(self.ground)

    @property
    def data(self) -> dict[str, object]:
        """What people would find."""
        media = dict(self.volumes.live["media"])
        adopted = self.volumes.live["db"].get(TABLES)
        tables = json.loads(adopted) if adopted else self.databases.all.get(PRODUCTION)
        return {"tables": tables, "media": media}
