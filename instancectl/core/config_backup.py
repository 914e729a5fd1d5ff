"""The section `[backup]` of `instance.toml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from instancectl.core.backup.object_lock import LEAST_DAYS
from instancectl.core.config_base import Section


class BackupDestination(Section):
    """A place for backup sets; keys of a bucket are in `backup.env`."""

    kind: Literal["none", "directory", "s3"] = Field(
        "none", description="`directory` on another disk, an S3-compatible bucket, or none."
    )
    path: str = Field(
        "", pattern=r"^$|^/", description="Directory; it must exist, so that a missing disk is seen."
    )
    bucket: str = Field("", description="Name of the bucket; not the one of the media.")
    region: str = Field("us-east-1", description="Its region.")
    endpoint: str = Field(
        "", pattern=r"^$|^https?://", description="Address of the store; empty for AWS itself."
    )
    path_style: bool = Field(
        True, description="With `endpoint`: the bucket stands in the path, as most stores want."
    )
    lock_days: int = Field(
        0,
        ge=0,
        description="Days for which nobody can remove what was written, whoever has the keys; a set that is "
        "kept is locked again in time. The bucket must have object lock. 0 is no lock.",
    )
    lock_mode: Literal["compliance", "governance"] = Field(
        "compliance",
        description="`governance` lets those remove it who hold the permission to; `compliance` lets nobody.",
    )

    @model_validator(mode="after")
    def _complete(self) -> BackupDestination:
        if self.kind == "directory" and not self.path:
            raise ValueError('`kind = "directory"` needs `path`')
        if self.kind == "s3" and not self.bucket:
            raise ValueError('`kind = "s3"` needs `bucket`')
        if self.lock_days and self.kind != "s3":
            raise ValueError("`lock_days` needs a bucket")
        if 0 < self.lock_days < LEAST_DAYS:
            raise ValueError(f"`lock_days` is 0 or at least {LEAST_DAYS}: a lock is extended night by night")
        return self


class Backup(Section):
    """Backup sets: where they go, who can open them, how many stay. `instancectl backup init` sets it up."""

    recipients: tuple[str, ...] = Field(
        (),
        description="Public keys (`age1…`) that sets are encrypted to; the private halves belong elsewhere.",
    )
    keep_daily: int = Field(7, ge=1, description="Proven sets to keep: the newest of each of so many days.")
    keep_weekly: int = Field(4, ge=0, description="… of so many weeks.")
    keep_monthly: int = Field(12, ge=0, description="… of so many months.")
    bandwidth_mib: int = Field(0, ge=0, description="Most MiB per second to write; 0 is no limit.")
    remote_media: bool = Field(
        False, description="Also back up copies of other servers' media, which Mastodon can fetch again."
    )
    point_in_time: bool = Field(
        False,
        description="Also send away what PostgreSQL writes, every minute, and its files with every set: "
        "then any moment can be restored.",
    )
    point_in_time_days: int = Field(7, ge=1, description="How far back moments can be reached.")
    wal_keep_mib: int = Field(
        4096,
        ge=256,
        description="Most MiB of WAL that wait to be sent, in PostgreSQL and beside it; beyond that, earlier "
        "moments stay but there is a gap, and the disk never fills.",
    )
    destination: BackupDestination = BackupDestination()
    second: BackupDestination = BackupDestination()

    @model_validator(mode="after")
    def _lock_covers_moments(self) -> Backup:
        locks = [one.lock_days for one in (self.destination, self.second) if one.lock_days]
        if self.point_in_time and locks and min(locks) < self.point_in_time_days:
            raise ValueError(
                f"`lock_days` needs at least {self.point_in_time_days}, as `point_in_time_days`: "
                "what PostgreSQL writes is locked once"
            )
        return self

    @property
    def destinations(self) -> tuple[tuple[str, BackupDestination], ...]:
        """Name of the section → destination, of those that are set."""
        both = (("destination", self.destination), ("second", self.second))
        return tuple((name, one) for name, one in both if one.kind != "none")
