"""Files that are written whole or not at all, and that a power cut leaves in place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Put a file in the place of another, or where none is; its directory is made when missing.

    Only one may write a path at a time: all of a path's writers hold the same lock.
    What a killed one left beside it is written over.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        _fill(os.open(beside, flags, mode), content, mode)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def create(path: Path, content: str | bytes, mode: int = 0o600) -> bool:
    """Write a file where none is, also when several try at once; its directory is made when missing.

    False when there is one: it stays.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        _fill(handle, content, mode)
        try:
            path.hardlink_to(beside)  # fails where a rename would overwrite
        except FileExistsError:
            return False
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def sync_directory(path: Path) -> None:
    """Have the disk know the names in it: without, a power cut can undo a rename."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fill(handle: int, content: str | bytes, mode: int) -> None:
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)  # whatever the umask is, or a leftover's mode was
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(handle)
