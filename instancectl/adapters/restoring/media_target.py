"""Writes restored media into a directory beside the live ones."""

from __future__ import annotations

import ctypes
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from instancectl.adapters.restoring.failing import UNTOUCHED, translated
from instancectl.core.backup.aside import MODE
from instancectl.core.backup.index import Entry, Found
from instancectl.errors import OperationFailed

OWNER = 991
"""User and group of the official image (its Dockerfile)."""

BUFFER = 256 * 1024


HINT = f"see `df -h` and `df -i`; {UNTOUCHED}"


class MediaDirectory:
    """See `ports.media_target.MediaTarget`."""

    def __init__(
        self, root: Callable[[], Path], walk: Callable[[Path], Iterator[Found]], owner: int | None = OWNER
    ) -> None:
        """`walk` lists a tree in the order of the index; with `owner` None the files are ours."""
        self._find, self._walk, self._owner = root, walk, owner
        self._known: set[bytes] = set()

    @property
    def _root(self) -> Path:
        return self._find()

    def begin(self) -> None:
        """The directory that only root may enter."""
        with translated(f"write `{self._root!s}`", hint=HINT):
            self._root.mkdir(mode=MODE, parents=True, exist_ok=True)
            self._base = os.fsencode(self._root)
            self._known = {self._base}

    @contextmanager
    def file(self, entry: Entry) -> Iterator[_Sink]:
        """Written beside and renamed: a name that is there is whole."""
        path = self._path(entry)
        beside = self._base + b"/." + secrets.token_hex(8).encode()
        with translated(f"write `{os.fsdecode(path)}`", hint=HINT):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(beside, flags, 0o644)
        try:
            with os.fdopen(handle, "wb", buffering=BUFFER) as file:
                yield _Sink(file, os.fsdecode(path))
                with translated(f"write `{os.fsdecode(path)}`", hint=HINT):
                    file.flush()
                    os.fchmod(file.fileno(), 0o644)
                    if self._owner is not None:
                        os.fchown(file.fileno(), self._owner, self._owner)
                    os.utime(file.fileno(), ns=(entry.mtime_ns, entry.mtime_ns))
            with translated(f"write `{os.fsdecode(path)}`", hint=HINT):
                os.rename(beside, path)  # noqa: PTH104 - bytes
        except BaseException:
            _unlink(beside)
            raise

    def link(self, entry: Entry, target: bytes) -> None:
        """A link that is there already is replaced."""
        path = self._path(entry)
        with translated(f"write `{os.fsdecode(path)}`", hint=HINT):
            _unlink(path)
            os.symlink(target, path)  # noqa: PTH211 - bytes
            if self._owner is not None:
                os.lchown(path, self._owner, self._owner)

    def remove(self, path: bytes) -> None:
        """Its directories stay."""
        with translated(f"remove `{os.fsdecode(path)}`", hint=HINT):
            _unlink(os.fsencode(self._root) + b"/" + path)

    def settle(self) -> None:
        """Flush this file system."""
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(handle):
                raise OperationFailed(
                    f"cannot write `{self._root}`: {os.strerror(ctypes.get_errno()).lower()}"
                )
        finally:
            os.close(handle)

    def walk(self) -> Iterator[Found]:
        """What is there."""
        yield from self._walk(self._root)

    def _path(self, entry: Entry) -> bytes:
        path = self._base + b"/" + entry.path
        directory = path.rpartition(b"/")[0]
        if directory not in self._known:
            with translated(f"write `{os.fsdecode(directory)}`", hint=HINT):
                self._make(directory)
        return path

    def _make(self, directory: bytes) -> None:
        """Every level is a directory, never a link to one."""
        missing = []
        while directory not in self._known:
            missing.append(directory)
            directory = directory.rpartition(b"/")[0]
        for level in reversed(missing):
            try:
                os.mkdir(level, 0o755)  # noqa: PTH102 - bytes
            except FileExistsError:
                if os.path.islink(level):  # noqa: PTH114 - bytes
                    raise
            if self._owner is not None:
                os.chown(level, self._owner, self._owner)
            self._known.add(level)


class _Sink:
    """See `ports.destination.ObjectSink`."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file, self._name = file, where

    def write(self, chunk: bytes, /) -> None:
        """Take more."""
        with translated(f"write `{self._name}`", hint=HINT):
            self._file.write(chunk)


def _unlink(path: bytes) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - bytes
    except FileNotFoundError:
        return
