"""Files of Docker's local volumes on this host."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from instancectl.adapters import durably
from instancectl.adapters.restoring.failing import translated
from instancectl.core.backup.aside import BEFORE, MODE, MOVING, OURS, RESTORED, RETURNING

PRIVATE = 0o600

USERS: Final[Mapping[str, int]] = MappingProxyType({"media": 991, "redis": 999})
"""Who writes in a volume, by the official images.

Docker gives a volume to the image's user only while it is empty; Redis' entry point (8.0.2 and newer) gives
nothing to its user as soon as a name is there that it does not know, and what lies beside is such a name.
"""


class VolumeDirectory:
    """See `ports.volume_files.VolumeFiles`."""

    def __init__(self, where: Callable[[str], str], users: Mapping[str, int] = USERS) -> None:
        """`where` knows the directory of a volume; with no user the files are ours."""
        self._where, self._users = where, users

    @contextmanager
    def create(self, volume: str, name: str) -> Iterator[_Sink]:
        """A file beside, flushed, then renamed."""
        final = self._root(volume) / name
        beside = final.with_name(f".{final.name}.{secrets.token_hex(4)}")
        with translated(f"write `{final}`"):
            if final.parent != self._root(volume):
                final.parent.mkdir(mode=MODE, parents=True, exist_ok=True)
                (self._root(volume) / RESTORED).chmod(MODE)
                self._give(volume, *_below(final.parent, self._root(volume) / RESTORED))
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        try:
            with os.fdopen(handle, "wb", buffering=1024 * 1024) as file:
                yield _Sink(file, str(final))
                with translated(f"write `{final}`"):
                    file.flush()
                    os.fsync(file.fileno())
            with translated(f"write `{final}`"):
                self._give(volume, beside)
                beside.replace(final)
        finally:
            beside.unlink(missing_ok=True)

    def remove(self, volume: str, name: str) -> None:
        """Remove a file, and what a killed run left of writing it."""
        with translated(f"remove `{name}`"):
            final = self._root(volume) / name
            final.unlink(missing_ok=True)
            for left in final.parent.glob(f".{final.name}.*"):
                left.unlink(missing_ok=True)

    def path(self, volume: str, name: str) -> str:
        """Below the volume's directory."""
        return str(self._root(volume) / name)

    def take(self, volume: str, name: str, origin: str) -> None:
        """A rename."""
        root, source = self._root(volume), Path(origin)
        with translated(f"move `{source}` to `{root / name}`"):
            if not source.exists() and (root / name).exists():
                return
            source.rename(root / name)  # over a directory it fails, unless that is empty
            durably.sync_directory(root)
            durably.sync_directory(source.parent)

    def free_bytes(self, volume: str) -> int:
        """Room for root."""
        with translated("measure the disk"):
            found = os.statvfs(self._root(volume))
            return found.f_bavail * found.f_frsize

    def set_in(self, volume: str, keep: frozenset[str]) -> None:
        """Live → before, restored → live."""
        root = self._root(volume)
        with translated(f"swap the files in `{root}`"):
            (root / RESTORED).mkdir(mode=MODE, exist_ok=True)
            self._exchange(root, root / RESTORED, root / BEFORE, keep)
            self._give(volume, root)

    def set_back(self, volume: str, keep: frozenset[str]) -> None:
        """Before → live, live → restored."""
        root = self._root(volume)
        with translated(f"swap the files in `{root}`"):
            if not (root / BEFORE).exists() and (root / MOVING).exists():
                # `set_in` was killed while it put aside what is live: nothing restored is live yet.
                _move_all(root / MOVING, root)
                (root / MOVING).rmdir()
                return
            if (root / BEFORE).exists():
                # What `set_in` had put in joins what it had not.
                (root / RESTORED).mkdir(mode=MODE, exist_ok=True)
                for name in _live(root, keep):
                    (root / name).rename(root / RESTORED / name)
                (root / BEFORE).rename(root / RETURNING)
            if (root / RETURNING).exists():
                _move_all(root / RETURNING, root)
                (root / RETURNING).rmdir()
                durably.sync_directory(root)

    def _exchange(self, root: Path, source: Path, aside: Path, keep: frozenset[str]) -> None:
        if not aside.exists():
            moving = root / MOVING
            moving.mkdir(mode=MODE, exist_ok=True)
            for name in _live(root, keep):
                (root / name).rename(moving / name)
            moving.rename(aside)  # from here on, what is live was restored
        _move_all(source, root)
        source.rmdir()
        durably.sync_directory(root)

    def drop(self, volume: str) -> None:
        """Remove everything of ours."""
        root = self._root(volume)
        with translated(f"remove what lies beside in `{root}`"):
            for name in OURS:
                if (root / name).exists():
                    shutil.rmtree(root / name)

    def _root(self, volume: str) -> Path:
        return Path(self._where(volume))

    def _give(self, volume: str, *paths: Path) -> None:
        if (user := self._users.get(volume)) is not None:
            for path in paths:
                os.chown(path, user, user, follow_symlinks=False)


class _Sink:
    """See `ports.destination.ObjectSink`."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file, self._name = file, where

    def write(self, chunk: bytes, /) -> None:
        """Take more."""
        with translated(f"write `{self._name}`"):
            self._file.write(chunk)


def _below(directory: Path, top: Path) -> tuple[Path, ...]:
    """A directory and those above it, up to `top`, which is not among them."""
    return tuple(one for one in (directory, *directory.parents) if top in one.parents)


def _live(root: Path, keep: frozenset[str]) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name not in keep | OURS)


def _move_all(source: Path, target: Path) -> None:
    if source.exists():
        for path in sorted(source.iterdir()):
            path.rename(target / path.name)
