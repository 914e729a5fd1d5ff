"""What `backup send` needs, and what is remembered of it.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import OpenInstance, journal, open_instance, swarm

if TYPE_CHECKING:
    from instancectl.core.backup.figures import Figures
    from instancectl.core.monitoring.metric import Sample
    from instancectl.operations.backup.sending import Outlet
    from instancectl.ports.wal_record import WalRecord


def outlet(options: Globals, command: str = "backup send") -> Outlet:
    """Where WAL comes from and where it goes.

    Raises:
        Refused: backups are not set up, or this host handed the instance over.
    """
    from instancectl.adapters.docker_engine.streams import DockerStreams
    from instancectl.adapters.file_lock import FileLock
    from instancectl.adapters.restoring.wal_directory import WalDirectory
    from instancectl.core.backup.receiving import VOLUME
    from instancectl.operations.backup.sending import Outlet
    from instancectl.wiring import backing_up, moving

    opened = open_instance(options)
    moving.refuse_handed_over(opened, command)
    stack, streams = opened.config.stack, DockerStreams(swarm())
    return Outlet(
        config=opened.config,
        streams=streams,
        spool=WalDirectory(lambda: streams.volume_path(stack, VOLUME)),
        repositories=backing_up.place(options, command).repositories,
        # Not the lock of backups: while a set is made for hours, WAL goes on.
        lock=FileLock(opened.paths.state_directory / "backup-wal.lock"),
        journal=journal(opened, command),
        record=record(opened),
        tools=backing_up.tools(options),
    )


def record(opened: OpenInstance) -> WalRecord:
    """What this host remembers of WAL."""
    from instancectl.adapters.backup_figures import WalFile

    return WalFile(opened.paths.state_directory / "backup-wal.json")


def readings(opened: OpenInstance, backups: Figures) -> Iterator[Sample]:
    """The metrics of WAL; none where it is not sent."""
    from instancectl.core.backup.wal_figures import samples

    if opened.config.backup.point_in_time:
        yield from samples(record(opened).load(), backups)
