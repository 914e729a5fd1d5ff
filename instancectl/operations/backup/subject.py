"""What a backup works with, and what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instancectl.core.backup.database import OURS, Commands
from instancectl.core.backup.model import BackupSet
from instancectl.core.config import InstanceConfig
from instancectl.ports.clock import Clock
from instancectl.ports.container_streams import ContainerStreams
from instancectl.ports.media_index import MediaIndex
from instancectl.ports.media_source import MediaSource
from instancectl.ports.progress import Progress
from instancectl.ports.reporter import Reporter
from instancectl.ports.sealing import Sealing

EMPTY_MEDIA = "empty-media"
SMALLER = "smaller"
RISKS = (EMPTY_MEDIA, SMALLER)
"""What an admin may accept."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every backup command works with."""

    sealing: Sealing
    clock: Clock
    reporter: Reporter
    progress: Progress


@dataclass(frozen=True, slots=True)
class Subject:
    """What is backed up.

    Attributes:
        files: name → content of configuration and secrets.
        fingerprints: name → fingerprint of the secrets that cannot be made again.
        media: None when media live in a bucket.
        images: reference → reference with digest.
        tool: instancectl's own version.
        commands: what is run in the containers.
        rising: services that write to it and run, or will again with the host, although it is to be left.
    """

    config: InstanceConfig
    streams: ContainerStreams
    files: Mapping[str, bytes]
    fingerprints: Mapping[str, str]
    media: MediaSource | None
    index: MediaIndex
    images: Mapping[str, str]
    tool: str
    commands: Commands = OURS
    rising: tuple[str, ...] = ()

    @property
    def with_base(self) -> bool:
        """Whether moments begin with the set; a server that we did not deploy sends no WAL to lead on."""
        return self.config.backup.point_in_time and self.commands == OURS


@dataclass(frozen=True, slots=True)
class Made:
    """A set that exists, and what is to be said about it.

    Attributes:
        baseless: why no moment begins with it, although that was wanted.
    """

    set: BackupSet
    where: str
    seconds: float
    written_bytes: int
    faults: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    baseless: str = ""
