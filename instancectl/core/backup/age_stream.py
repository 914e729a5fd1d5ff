"""Where what lies in an encrypted stream: so that one file can be read without the pack around it.

https://age-encryption.org/v1: a head in ASCII, a nonce, then pieces of 64 KiB that are encrypted one by one.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from instancectl.core.units import KIB
from instancectl.errors import OperationFailed

HEAD_BYTES: Final = 4 * KIB
"""Each recipient takes about 100."""

PLAIN: Final = 64 * KIB
SEALED: Final = PLAIN + 16
NONCE_BYTES: Final = 16
GROUP: Final = 64
"""Pieces fetched at once: 4 MiB."""

_BECH32: Final = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
_CHECKSUM_LETTERS: Final = 6
_KEY_BITS: Final = 256


@dataclass(frozen=True, slots=True)
class Layout:
    """One stream; positions in bytes.

    Attributes:
        last: number of the last piece, counted from 0.
    """

    nonce: bytes
    nonce_at: int
    last: int

    @property
    def pieces_at(self) -> int:
        """Where the first piece begins."""
        return self.nonce_at + NONCE_BYTES


@dataclass(frozen=True, slots=True)
class Group:
    """Some pieces that are fetched together.

    Attributes:
        at: position in the stream.
        bytes: how many to fetch at most; the last piece may be shorter.
        first: number of the first piece.
        skip: plain bytes before the wanted ones.
        take: wanted plain bytes.
    """

    at: int
    bytes: int
    first: int
    skip: int
    take: int


def layout(head: bytes, size: int) -> Layout:
    """Of a stream of so many bytes.

    Raises:
        OperationFailed: it does not begin as one.
    """
    foot = head.find(b"\n--- ")
    nonce_at = head.find(b"\n", foot + 1) + 1
    if not head.startswith(b"age-encryption.org/v1\n") or foot < 0 or not nonce_at:
        raise OperationFailed("the stream is damaged: it does not begin as an age file")
    nonce_bytes = head[nonce_at : nonce_at + NONCE_BYTES]
    return Layout(nonce_bytes, nonce_at, max(0, -(-(size - nonce_at - NONCE_BYTES) // SEALED) - 1))


def groups(found: Layout, offset: int, size: int) -> Iterator[Group]:
    """What to fetch for so many plain bytes from `offset` on."""
    end = offset + size
    while offset < end:
        first = offset // PLAIN
        last = min(first + GROUP - 1, (end - 1) // PLAIN)
        take = min(end, (last + 1) * PLAIN) - offset
        at = found.pieces_at + first * SEALED
        yield Group(at, (last - first + 1) * SEALED, first, offset - first * PLAIN, take)
        offset += take


def nonce(found: Layout, number: int) -> bytes:
    """Of one piece: its number, and whether it is the last."""
    return number.to_bytes(11, "big") + (b"\1" if number == found.last else b"\0")


def stanzas(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Share and wrapped key of every recipient."""
    lines = head.split(b"\n")
    for line, body in itertools.pairwise(lines):
        words = line.split(b" ")
        if words[:2] == [b"->", b"X25519"] and len(words) == 3:
            yield _base64(words[2]), _base64(body)


def bech32_bytes(text: str) -> bytes:
    """The 32 bytes in a key whose checksum is right."""
    letters = text.strip().upper().rpartition("1")[2][:-_CHECKSUM_LETTERS]
    number = 0
    for letter in letters:
        number = number * 32 + _BECH32.index(letter)
    return (number >> (len(letters) * 5 - _KEY_BITS)).to_bytes(_KEY_BITS // 8, "big")


def _base64(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))
