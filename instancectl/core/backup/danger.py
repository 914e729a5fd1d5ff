"""Setups in which backups would be lost together with the data, or read by anybody; refused by name."""

from __future__ import annotations

from dataclasses import dataclass

SAME_DISK = "same-disk"
OPEN_DIRECTORY = "open-directory"
PUBLIC_BUCKET = "public-bucket"
MEDIA_BUCKET = "media-bucket"
LONG_LOCK = "long-lock"
NO_LOCK = "no-lock"

SLUGS = (SAME_DISK, OPEN_DIRECTORY, PUBLIC_BUCKET, MEDIA_BUCKET, LONG_LOCK)
"""What an admin may accept. Not `no-lock`: a store without one refuses to write what shall be locked."""


@dataclass(frozen=True, slots=True)
class Danger:
    """One reason against a destination; `seen` in words."""

    slug: str
    seen: str


def kept_days(daily: int, weekly: int, monthly: int) -> int:
    """How long the oldest set of a policy may stay, days."""
    return max(daily, weekly * 7, monthly * 31)
