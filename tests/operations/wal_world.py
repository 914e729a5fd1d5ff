"""An instance whose WAL is sent away, in memory."""

from __future__ import annotations

from dataclasses import replace

from instancectl.core.backup.retention import Policy
from instancectl.core.config import InstanceConfig
from instancectl.core.result import Result
from instancectl.operations.backup.sending import Outlet, send
from tests.fakes.fuse import Fuse
from tests.fakes.lock import FakeLock
from tests.fakes.wal import FakeCluster, FakeWalRecord
from tests.operations.backup_world import World

MINUTE = 60


class Sending:
    """What `backup send` needs, around a world whose backups go to the same places."""

    def __init__(self, world: World) -> None:
        self.world, self.fuse = world, Fuse()
        self.cluster = FakeCluster(world.clock, self.fuse)
        world.streams.cluster = self.cluster
        self.record = FakeWalRecord()
        world.policy = Policy(3, 2, 2, moment_days=2)

    @property
    def config(self) -> InstanceConfig:
        config = self.world.config
        backup = config.backup.model_copy(update={"point_in_time": True, "wal_keep_mib": 256})
        return config.model_copy(update={"backup": backup})

    @property
    def outlet(self) -> Outlet:
        world = self.world
        return Outlet(
            self.config,
            world.streams,
            self.cluster.spool,
            world.place.repositories,
            FakeLock(),
            world.journal,
            self.record,
            world.tools,
        )

    def send(self, **changes: object) -> Result:
        return send(replace(self.outlet, **changes))

    def minute(self) -> Result:
        """Somebody commits; a minute later it is sent."""
        self.cluster.write()
        self.world.clock.now += MINUTE
        return self.send()

    def create(self) -> Result:
        return self.world.create(config=self.config)
