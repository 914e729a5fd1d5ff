"""The section `[backup]` of `instance.toml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

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

    @model_validator(mode="after")
    def _complete(self) -> BackupDestination:
        if self.kind == "directory" and not self.path:
            raise ValueError('`kind = "directory"` needs `path`')
        if self.kind == "s3" and not self.bucket:
            raise ValueError('`kind = "s3"` needs `bucket`')
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
    destination: BackupDestination = BackupDestination()
    second: BackupDestination = BackupDestination()

    @property
    def destinations(self) -> tuple[tuple[str, BackupDestination], ...]:
        """Name of the section → destination, of those that are set."""
        both = (("destination", self.destination), ("second", self.second))
        return tuple((name, one) for name, one in both if one.kind != "none")
