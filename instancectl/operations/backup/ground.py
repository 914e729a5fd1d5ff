"""What a restore works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from instancectl.core.config import InstanceConfig
from instancectl.core.result import Result
from instancectl.operations.backup.database_back import DatabaseBack
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.rolling import Rolling
from instancectl.operations.backup.subject import Tools
from instancectl.ports.backup_figures import BackupFigures
from instancectl.ports.handover_record import HandoverRecord
from instancectl.ports.index_desk import IndexDesk
from instancectl.ports.instance_files import InstanceFiles
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.media_target import MediaTarget
from instancectl.ports.restore_record import RestoreRecord
from instancectl.ports.scratch import Scratch
from instancectl.ports.state import State
from instancectl.ports.swarm import Swarm
from instancectl.ports.volume_files import VolumeFiles

Wanted = Callable[[str], bool]
"""Whether a service is meant."""


class Deployer(Protocol):
    """Brings services up; see `operations.deploy`."""

    def start(self, why: str, wanted: Wanted) -> None:
        """Bring up some of the services, with what they need; nothing else of the plan."""
        ...

    def deploy(self, why: str = "deploy") -> Result:
        """Everything, verified from outside."""
        ...

    def maintenance(self, message: str | None) -> Result:
        """Show the maintenance page, or with None the instance again."""
        ...

    def once(self, name: str, argv: Iterable[str], timeout_seconds: int) -> tuple[int, str]:
        """One of Mastodon's own commands, in a container of its own; exit code and its last output."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """An instance on this host, as its own settings describe it.

    Attributes:
        media: None when media live in a bucket.
        fingerprints: of the secrets that cannot be made again.
        follower: containers of a copy that follows; None where nobody ever does.
        silenced: nobody is woken by what is done meanwhile, and for a moment after.
    """

    config: InstanceConfig
    deployer: Deployer
    database: DatabaseBack
    volumes: VolumeFiles
    media: MediaTarget | None
    fingerprints: Mapping[str, str]
    silenced: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
    follower: Scratch | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """The host: what was restored on it, and with what to go on or back.

    Attributes:
        stage: the instance, once its settings are on this host.
    """

    state: State
    record: RestoreRecord
    desk: IndexDesk
    swarm: Swarm
    lock: Lock
    journal: Journal
    figures: BackupFigures
    tools: Tools
    stage: Callable[[], Stage]


@dataclass(frozen=True, slots=True)
class Ground(Here):
    """Where a restore comes from and where it goes.

    Attributes:
        understood: the configuration that a text says; raises `ConfigError`.
        free_bytes: room where volumes are; None when nobody can say.
        rolling: how a moment between two sets is reached.
        following: the same parts, with containers that stay from one run to the next.
        handed: that this host once handed the instance over.
    """

    repository: Repository
    opener: Opener
    files: InstanceFiles
    understood: Callable[[str], InstanceConfig]
    free_bytes: Callable[[], int | None]
    rolling: Rolling
    following: Rolling
    handed: HandoverRecord


@dataclass(frozen=True, slots=True)
class Wish:
    """What an admin asked for.

    Attributes:
        set_id: a set, or `latest`.
        beside: put it next to a live instance, and swap.
        redis: restore Redis as well: jobs that were waiting then are done again.
        accepted: risks.
        at: a moment for the database, as `core.backup.moment` writes it; empty for the set's own.
        follow: go on with what is written, until the old host hands over.
    """

    set_id: str = "latest"
    beside: bool = False
    redis: bool = False
    accepted: tuple[str, ...] = ()
    at: str = ""
    follow: bool = False
