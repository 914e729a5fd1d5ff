"""A place for backup sets: a bucket, or a directory on another disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from instancectl.core.backup.danger import Danger
from instancectl.core.backup.garbage import Listed


class ObjectSink(Protocol):
    """Takes the bytes of one new object."""

    def write(self, chunk: bytes, /) -> object:
        """Take more of it."""


class Destination(Protocol):
    """Objects by key, written once.

    Every method raises `Unreachable` when the destination does not answer, and `OperationFailed` with its own
    words when it refuses or is full.
    """

    @property
    def name(self) -> str:
        """What people call it: a path, or `s3://bucket/prefix`."""
        ...

    @property
    def off_site(self) -> bool:
        """Whether it outlives the machine."""
        ...

    @property
    def lock_days(self) -> int:
        """Days for which nobody can remove what is written (object lock); 0 without one."""
        ...

    def create(self, key: str) -> AbstractContextManager[ObjectSink]:
        """A new object: it exists once the block ended well, and never when it did not.

        Raises `OperationFailed` when there is one already.
        """
        ...

    def read(self, key: str) -> Iterator[bytes]:
        """Its content in pieces; `OperationFailed` when there is none."""
        ...

    def part_of(self, key: str, offset: int, size: int) -> bytes:
        """Some bytes of it; fewer where it ends; `OperationFailed` when there is none."""
        ...

    def listed(self, prefix: str = "") -> Iterator[Listed]:
        """Every object below the prefix."""
        ...

    def delete(self, key: str) -> bool:
        """Remove it; absent is fine. False: the destination keeps it (object lock)."""
        ...

    def hold(self, key: str, at_least: float, until: float) -> bool:
        """Lock it until `until` if its lock ends before `at_least` (epoch seconds); whether that was needed.

        Without object lock nothing is done.
        """
        ...

    def abandon(self, older_than_seconds: float) -> int:
        """Remove what unfinished writes left behind; how many."""
        ...

    def free_bytes(self) -> int | None:
        """Room left; None when the destination does not say."""
        ...

    def dangers(self, data_path: str, kept_days: int) -> tuple[Danger, ...]:
        """Why it is no place for backups of what lies in `data_path`, kept for so long; empty when it is."""
        ...
