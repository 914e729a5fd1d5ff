"""Local media: walks the volume in order, and reads files that others may change meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from instancectl.core.backup.aside import OURS
from instancectl.core.backup.index import Found
from instancectl.errors import OperationFailed

PIECE = 1024 * 1024
_REPLACED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""What opening says when a file is gone, or a link or a socket stands in its place."""

STRANGE_SHOWN = 5
_BESIDE = frozenset(map(os.fsencode, OURS))
"""What a restore keeps beside the live media is none of them."""


class MediaTree:
    """See `ports.media_source.MediaSource`."""

    def __init__(self, root: Path, leave_out: tuple[str, ...]) -> None:
        """`leave_out` names directories right below the root."""
        self._root = os.fsencode(root)
        self._leave_out = frozenset(os.fsencode(name) for name in leave_out)
        self._strange: list[str] = []

    @property
    def place(self) -> str:
        """The root."""
        return os.fsdecode(self._root)

    def walk(self) -> Iterator[Found]:
        """Depth first, each directory sorted by bytes: the order of the index."""
        self._strange.clear()
        yield from self._walk(b"", self._leave_out | _BESIDE)

    def _walk(self, below: bytes, leave_out: frozenset[bytes]) -> Iterator[Found]:
        try:
            with os.scandir(_join(self._root, below)) as found:
                entries = sorted(found, key=_name)
        except FileNotFoundError:
            if below:
                return  # removed since its parent was read
            raise OperationFailed(f"there is no `{self.place}`: is the volume mounted?") from None
        except OSError as error:
            raise OperationFailed(
                f"cannot read `{os.fsdecode(below) or self.place}`: {error.strerror}"
            ) from error
        for entry in entries:
            path = below + b"/" + entry.name if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in leave_out:
                    yield from self._walk(path, frozenset())
            elif seen := self._seen(entry, path):
                yield seen

    def _seen(self, entry: os.DirEntry[bytes], path: bytes) -> Found | None:
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            return _found(path, found)
        if len(self._strange) < STRANGE_SHOWN:
            self._strange.append(os.fsdecode(path))
        return None

    def read(self, file: Found) -> Iterator[FileReading | LinkReading]:
        """The file, unless it has vanished."""
        path = _join(self._root, file.path)
        if file.kind == "l":
            try:
                target = os.readlink(path)  # noqa: PTH115 - bytes
            except OSError:
                return
            yield LinkReading(file, target)
            return
        try:
            # Somebody may put a link or a pipe in its place: neither is followed, nor waited for.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _REPLACED:
                return
            raise OperationFailed(f"cannot read `{os.fsdecode(path)}`: {error.strerror}") from error
        try:
            found = os.fstat(handle)
            if stat.S_ISREG(found.st_mode):
                yield FileReading(handle, _found(file.path, found), path)
        finally:
            os.close(handle)

    def left_out(self) -> tuple[int, int]:
        """What the directories that are left out hold."""
        files = size = 0
        for name in self._leave_out:
            for directory, _, names in os.walk(_join(self._root, name)):
                for one in names:
                    try:
                        size += os.lstat(_join(directory, one)).st_size
                    except OSError:
                        continue
                    files += 1
        return files, size

    def strange(self) -> tuple[str, ...]:
        """Sockets, pipes and devices of the last walk."""
        return tuple(self._strange)


class FileReading:
    """See `ports.media_source.Reading`."""

    def __init__(self, handle: int, found: Found, path: bytes) -> None:
        """Of an open file."""
        self._handle, self._path = handle, path
        self.found = found

    def content(self) -> Iterator[bytes]:
        """As many bytes as were announced, whatever happens to the file."""
        left = self.found.size
        while left:
            try:
                piece = os.read(self._handle, min(PIECE, left))
            except OSError as error:
                where = os.fsdecode(self._path)
                raise OperationFailed(f"cannot read `{where}`: {error.strerror}", subject=where) from error
            if not piece:
                break
            left -= len(piece)
            yield piece
        while left:
            piece = bytes(min(PIECE, left))
            left -= len(piece)
            yield piece

    def settled(self) -> bool:
        """The name still leads to the same bytes."""
        try:
            now = os.fstat(self._handle)
        except OSError:
            return False
        # A name that is gone by now (ctime changes with the link count) was whole when it was read.
        return (now.st_size, now.st_mtime_ns) == (self.found.size, self.found.mtime_ns)


class LinkReading:
    """The same for a symbolic link: its content is its target's name."""

    def __init__(self, found: Found, target: bytes) -> None:
        """Of a link that was read."""
        self.found, self._target = found, target

    def content(self) -> Iterator[bytes]:
        """The target's name."""
        yield self._target

    def settled(self) -> bool:
        """A link is read at once."""
        return True


def _join(directory: bytes, name: bytes) -> bytes:
    # Names are bytes here: pathlib knows text only.
    return directory + b"/" + name if name else directory


def _name(entry: os.DirEntry[bytes]) -> bytes:
    return entry.name


def _found(path: bytes, found: os.stat_result) -> Found:
    kind = "l" if stat.S_ISLNK(found.st_mode) else "f"
    return Found(path, kind, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
