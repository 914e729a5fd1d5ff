"""The framing of a tar archive (GNU format), which every tar reads; contents pass by, they are never held."""

from __future__ import annotations

import tarfile

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
