"""A directory on another disk as a place for backup sets."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import FileIO
from pathlib import Path

from instancectl.adapters import durably
from instancectl.core.backup.danger import OPEN_DIRECTORY, SAME_DISK, Danger
from instancectl.core.backup.garbage import Listed
from instancectl.errors import InstanceError, OperationFailed, Unreachable

UNFINISHED = ".unfinished"
PIECE = 1024 * 1024
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class DirectoryDestination:
    """See `ports.destination.Destination`.

    An object is written beside, flushed to the disk and then given its name: a crash, or a power cut, leaves
    nothing that looks like an object and is none.
    """

    def __init__(self, base: Path, instance: str) -> None:
        """`base` must exist: an unmounted disk must not be mistaken for an empty one."""
        self._base, self._root = base, base / instance

    @property
    def name(self) -> str:
        """Its path."""
        return str(self._root)

    @property
    def off_site(self) -> bool:
        """Nobody can say what is mounted there: it does not count."""
        return False

    @property
    def lock_days(self) -> int:
        """Whoever may write to a disk may clear it."""
        return 0

    def hold(self, key: str, at_least: float, until: float) -> bool:  # noqa: ARG002 - no locks here
        """Nothing is locked."""
        return False

    @contextmanager
    def create(self, key: str) -> Iterator[_Sink]:
        """A new object."""
        with self._translated(f"write `{key}`"):
            self._require()
            beside = self._root / UNFINISHED / secrets.token_hex(8)
            for directory in (self._root, beside.parent):
                directory.mkdir(mode=0o700, exist_ok=True)
            # Without a buffer: on a full disk, closing would write it once more, and fail once more.
            file = beside.open("xb", buffering=0)
        try:
            with file:
                yield _Sink(file, lambda: self._translated(f"write `{key}`"))
                with self._translated(f"write `{key}`"):
                    os.fsync(file.fileno())
            with self._translated(f"write `{key}`"):
                self._name(beside, key)
        finally:
            beside.unlink(missing_ok=True)

    def _name(self, beside: Path, key: str) -> None:
        final = self._root / key
        made = [parent for parent in final.relative_to(self._root).parents if str(parent) != "."]
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A link fails where a rename would overwrite; disks without links (exFAT) are asked first instead.
        try:
            os.link(beside, final)
        except FileExistsError:
            raise OperationFailed(f"`{key}` exists already in {self.name}", subject=key) from None
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise
            if final.exists():
                raise OperationFailed(f"`{key}` exists already in {self.name}", subject=key) from None
            beside.rename(final)
        for parent in (*made, Path()):
            durably.sync_directory(self._root / parent)

    def read(self, key: str) -> Iterator[bytes]:
        """Its content."""
        with self._translated(f"read `{key}`"):
            self._require()
            with (self._root / key).open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece

    def part_of(self, key: str, offset: int, size: int) -> bytes:
        """Some bytes of it."""
        with self._translated(f"read `{key}`"):
            self._require()
            with (self._root / key).open("rb") as file:
                file.seek(offset)
                return file.read(size)

    def listed(self, prefix: str = "") -> Iterator[Listed]:
        """Every object, in no particular order."""
        with self._translated("list"):
            self._require()
            # `media/pa` is a prefix too: walk from the last whole directory and compare.
            start = self._root / prefix.rpartition("/")[0]
            for directory, below, files in os.walk(start):
                below[:] = [name for name in below if name != UNFINISHED]
                for file in files:
                    path = Path(directory, file)
                    key = path.relative_to(self._root).as_posix()
                    if key.startswith(prefix):
                        with contextlib.suppress(FileNotFoundError):
                            found = path.stat()
                            yield Listed(key, found.st_size, found.st_mtime)

    def delete(self, key: str) -> bool:
        """Remove it, and the directories it leaves empty."""
        with self._translated(f"remove `{key}`"):
            self._require()
            path = self._root / key
            try:
                path.unlink(missing_ok=True)
            except PermissionError:
                return False  # an immutable file (`chattr +i`)
            for parent in path.relative_to(self._root).parents:
                if str(parent) == ".":
                    break
                try:
                    (self._root / parent).rmdir()
                except OSError:
                    break
            return True

    def abandon(self, older_than_seconds: float) -> int:
        """Remove unfinished files."""
        with self._translated("tidy up"):
            self._require()
            removed = 0
            for path in (self._root / UNFINISHED).glob("*"):
                if path.stat().st_mtime < time.time() - older_than_seconds:
                    path.unlink(missing_ok=True)
                    removed += 1
            return removed

    def free_bytes(self) -> int | None:
        """Room for whoever runs this."""
        with self._translated("measure"):
            self._require()
            found = os.statvfs(self._base)
            return found.f_bavail * found.f_frsize

    def dangers(self, data_path: str, kept_days: int) -> tuple[Danger, ...]:  # noqa: ARG002 - no locks here
        """On the disk of the data, or writable by others."""
        with self._translated("look"):
            self._require()
            found, dangers = self._base.stat(), []
            if found.st_dev == Path(data_path).stat().st_dev:
                seen = f"`{self._base}` is on the same disk as the data (`{data_path}`)"
                dangers.append(Danger(SAME_DISK, f"{seen}: both would be lost together"))
            if found.st_mode & _OTHERS:
                mode = stat.S_IMODE(found.st_mode)
                dangers.append(
                    Danger(OPEN_DIRECTORY, f"others may write to `{self._base}` (mode {mode:04o})")
                )
            return tuple(dangers)

    def _require(self) -> None:
        if not self._base.is_dir():
            raise Unreachable(
                f"there is no directory `{self._base}`: is its disk mounted?",
                hint=f"mount it, or create it with `mkdir {self._base}`",
                subject=str(self._base),
            )

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        try:
            yield
        except InstanceError:
            raise
        except FileNotFoundError as error:
            raise OperationFailed(
                f"cannot {action} in {self.name}: there is none", subject=self.name
            ) from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = f"see `df -h {self._base}`; earlier sets are untouched"
            raise OperationFailed(f"cannot {action} in {self.name}: {reason}", hint=hint) from error


class _Sink:
    """See `ports.destination.ObjectSink`; only what this disk refuses is its failure."""

    def __init__(self, file: FileIO, translated: Callable[[], AbstractContextManager[None]]) -> None:
        self._file, self._translated = file, translated

    def write(self, chunk: bytes, /) -> None:
        """Take more."""
        with self._translated():
            left = memoryview(chunk)
            while left:
                left = left[self._file.write(left) :]
