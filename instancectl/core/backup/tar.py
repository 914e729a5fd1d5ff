"""The framing of a tar archive (GNU format), which every tar reads; contents pass by, they are never held."""

from __future__ import annotations

import io
import tarfile

from instancectl.errors import OperationFailed

BLOCK = tarfile.BLOCKSIZE
END = b"\0" * (2 * BLOCK)
"""What an archive ends with."""

_MASTODON = 991
"""User and group of the official image (its Dockerfile): who must own uploads after a restore."""


def header(
    path: bytes, size: int, mtime_seconds: int, *, link: bytes | None = None, private: bool = False
) -> bytes:
    """What precedes the content of one file or link.

    Args:
        path: relative; any bytes.
        size: of the content that follows; 0 for a link.
        mtime_seconds: since 1970.
        link: target of a symbolic link; None for a file.
        private: for root alone, as opposed to Mastodon's user and readable by all.
    """
    info = tarfile.TarInfo(path.decode("utf-8", "surrogateescape"))
    info.size, info.mtime = size, max(0, mtime_seconds)
    info.mode = 0o600 if private else 0o644
    info.uid = info.gid = 0 if private else _MASTODON
    if link is not None:
        info.type, info.linkname, info.size = tarfile.SYMTYPE, link.decode("utf-8", "surrogateescape"), 0
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def padding(size: int) -> bytes:
    """What follows a content of `size` bytes."""
    return b"\0" * (-size % BLOCK)


def contents(archive: bytes) -> dict[str, bytes]:
    """Name → content of every file in a small archive.

    Raises:
        OperationFailed: it is none.
    """
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
            for member in opened:
                file = opened.extractfile(member)
                if file is not None:
                    found[member.name] = file.read()
    except tarfile.TarError as error:
        raise OperationFailed("the archive of the configuration is damaged") from error
    return found


def link_target(before: bytes, path: bytes, size: int) -> bytes:
    """Where a symbolic link leads to, from the bytes that precede its content (of which it has none).

    Args:
        before: at least `link_head(path, size)` bytes, up to where the content would begin.
        path: of the link.
        size: of its target's name.
    """
    head = before[-link_head(path, size) :]
    with tarfile.open(
        fileobj=io.BytesIO(head + END), mode="r:", errors="surrogateescape", encoding="utf-8"
    ) as opened:
        member = opened.next()
        name = member.linkname if member else ""
    return name.encode("utf-8", "surrogateescape")


def link_head(path: bytes, size: int) -> int:
    """Bytes that frame a symbolic link: a block, and two or more for each name that is too long for it."""
    long = (name + 1 for name in (len(path), size) if name > tarfile.LENGTH_NAME)
    return BLOCK + sum(BLOCK + name + -name % BLOCK for name in long)
