"""An instance that moves from one host to another, through a destination in memory."""

from __future__ import annotations

import json
from dataclasses import replace

from instancectl.core.applied import Applied
from instancectl.core.result import Result
from instancectl.operations.backup import handover
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.ground import Here, Stage
from instancectl.operations.backup.ready import Giving
from tests.fakes.backup_figures import FakeFigures
from tests.fakes.fuse import Fuse
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.restore import FakeDeployer, FakeHandoverRecord, FakeRecord
from tests.fakes.state import FakeState
from tests.fakes.swarm import FakeSwarm
from tests.fakes.volumes import FakeDesk, FakeVolumes
from tests.fakes.wal import FakeCluster
from tests.operations.restore_world import Host, Source
from tests.operations.wal_world import Sending

WRITERS = {"web", "streaming", "sidekiq", "sidekiq-push"}


class Telling(FakeCluster):
    """Its WAL holds the tables as they were when a segment ended."""

    def __init__(self, source: Source, fuse: Fuse) -> None:
        self.tables = source.streams.tables
        super().__init__(source.clock, fuse)

    def _put(self) -> None:
        if self.receives:
            content = json.dumps(self.tables).encode()
            self.spool.files[self.system, self.last, self.run] = content


class Old:
    """The host that has it. Everything but the process survives a kill."""

    def __init__(self) -> None:
        self.source, self.fuse = Source(), Fuse()
        self.source.files["secrets.env"] = b"SECRET_KEY_BASE=x\nDB_PASS=p\n"
        self.sending = Sending(self.source)
        self.cluster = self.sending.cluster = Telling(self.source, self.fuse)
        self.source.streams.cluster = self.cluster
        self.clock = self.source.clock
        self.sending.create()
        self.commit()
        self.sending.minute()
        self.swarm = FakeSwarm(self.clock, self.fuse, active=True)
        self.deployer = FakeDeployer(self.swarm, self.stack)
        self.deployer.start("deploy", lambda _: True)
        self.record, self.journal = FakeHandoverRecord(self.fuse), FakeJournal(self.fuse)
        self.state = FakeState(Applied(owner_done=True), fuse=self.fuse)

    @property
    def stack(self) -> str:
        return self.source.config.stack

    @property
    def place(self):
        return self.source.places[0]

    @property
    def running(self) -> set[str]:
        return set(self.swarm.observe(self.stack).services)

    @property
    def taken(self) -> bool:
        """Whether another host has it by now."""
        return any(content.startswith(b"taken") for content in self.place.objects.values())

    def commit(self) -> None:
        """Somebody posts."""
        self.source.streams.tables["public.statuses"] += 1
        self.cluster.write()

    def stage(self) -> Stage:
        volumes = FakeVolumes(self.fuse)
        database = DatabaseBack(self.source.streams, volumes, self.stack)
        return Stage(self.source.config, self.deployer, database, volumes, None, {})

    @property
    def giving(self) -> Giving:
        here = Here(
            state=self.state,
            record=FakeRecord(self.fuse),
            desk=FakeDesk(),
            swarm=self.swarm,
            lock=FakeLock(),
            journal=self.journal,
            figures=FakeFigures(),
            tools=self.source.tools,
            stage=self.stage,
        )
        subject = replace(self.source.subject, config=self.sending.config)
        return Giving(here, self.sending.outlet, subject, self.record)

    def hand_over(self, *accepted: str) -> Result:
        return handover.hand_over(self.giving, accepted)

    def undo(self) -> Result:
        return handover.undo(self.giving)

    def new(self) -> Host:
        """A host without anything."""
        host = Host(self.source)
        host.swarm.images[host.config.images.db] = ""
        return host
