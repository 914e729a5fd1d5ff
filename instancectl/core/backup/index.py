"""The media index: one line per file that says in which pack it lies; sorted, so never held whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from instancectl.core.backup import tar
from instancectl.errors import OperationFailed

SPARSE_SHARE = 0.5
"""A pack of which less than this share is still wanted is written anew from disk."""

FRAME_BYTES = 4096
"""What a pack holds beside files: the archive's end, the encryption's head."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file or symbolic link as the disk shows it.

    Attributes:
        path: relative, as the bytes it has on disk.
        kind: `f` file, `l` symbolic link.
        size: bytes; of a link, of its target's name.
        ctime_ns: changes with content even when somebody sets size and mtime back.
    """

    path: bytes
    kind: str
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the index.

    Attributes:
        blake3: of the content, hex.
        pack: key of the pack that holds it.
        offset: of the content in the decrypted pack, bytes.
        ctime_ns: known on the host that made the index only; 0 elsewhere.
    """

    path: bytes
    kind: str
    size: int
    mtime_ns: int
    blake3: str
    pack: str
    offset: int
    ctime_ns: int = 0


def order(path: bytes) -> bytes:
    """Sorts paths the way a walk meets them: directory by directory, each by its bytes."""
    return path.replace(b"/", b"\0")


_ESCAPED = re.compile(rb"[\x00-\x1f\\\x7f-\xff]")
_CODE = re.compile(rb"\\x([0-9a-f]{2})")


def escape(path: bytes) -> str:
    r"""A path in printable ASCII: a backslash, a control character or a byte beyond ASCII becomes `\xNN`."""
    return _ESCAPED.sub(lambda match: b"\\x%02x" % match[0][0], path).decode("ascii")


def unescape(text: str) -> bytes:
    """The path that `escape` was given."""
    return _CODE.sub(lambda match: bytes([int(match[1], 16)]), text.encode("ascii"))


def line(entry: Entry) -> bytes:
    """One line of the index, as it is stored in a set."""
    fields = (
        escape(entry.path),
        entry.kind,
        entry.size,
        entry.mtime_ns,
        entry.blake3,
        entry.pack,
        entry.offset,
    )
    return "\t".join(map(str, fields)).encode("ascii") + b"\n"


def local_line(entry: Entry) -> bytes:
    """The same with what only this host knows."""
    return line(entry)[:-1] + b"\t%d\n" % entry.ctime_ns


def parse(raw: bytes) -> Entry:
    """An entry from either form of line.

    Raises:
        OperationFailed: it is none.
    """
    fields = raw.rstrip(b"\n").decode("ascii", "replace").split("\t")
    try:
        path, kind, size, mtime, blake3, pack, offset, *rest = fields
        ctime = int(rest[0]) if rest else 0
        return Entry(unescape(path), kind, int(size), int(mtime), blake3, pack, int(offset), ctime)
    except (ValueError, UnicodeEncodeError) as error:
        raise OperationFailed("the media index holds a line that is none") from error


def joined(found: Iterable[Found], known: Iterable[Entry]) -> Iterator[tuple[Found, Entry | None]]:
    """Every file of the disk with what the last index says of it; both sorted by `order`."""
    remembered = iter(known)
    entry = next(remembered, None)
    for file in found:
        here = order(file.path)
        while entry is not None and order(entry.path) < here:
            entry = next(remembered, None)
        yield file, entry if entry is not None and entry.path == file.path else None


def unchanged(file: Found, entry: Entry) -> bool:
    """Whether the file is the one that was packed."""
    return touched(file, entry) and file.ctime_ns == entry.ctime_ns


def touched(file: Found, entry: Entry) -> bool:
    """Whether it looks the same to whoever does not know when it was last changed."""
    return (file.size, file.mtime_ns, file.kind) == (entry.size, entry.mtime_ns, entry.kind)


def sparse(entries: Iterable[Entry], sizes: dict[str, int]) -> frozenset[str]:
    """Packs that hold mostly files that are gone.

    Args:
        entries: of the last index.
        sizes: pack → bytes.
    """
    wanted = dict.fromkeys(sizes, 0)
    for entry in entries:
        if entry.pack in wanted:
            wanted[entry.pack] += tar.BLOCK + entry.size + -entry.size % tar.BLOCK
    return frozenset(pack for pack, size in sizes.items() if wanted[pack] + FRAME_BYTES < size * SPARSE_SHARE)


def is_safe(path: bytes) -> bool:
    """Whether a path stays below the directory it is relative to."""
    parts = path.split(b"/")
    return b"\0" not in path and all(part and part not in {b".", b".."} for part in parts)
