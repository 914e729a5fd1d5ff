"""Whether two halves of a P-256 key pair belong together.

Only that: a check of what an admin pasted, needed by every command that reads the secrets, so it
must not cost the import of a cryptography library. It makes no keys and signs nothing.
"""

from __future__ import annotations

from typing import Final

# The curve: SEC 2 version 2.0, section 2.4.2 (secp256r1); y² = x³ - 3x + b over the field of P.
P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_Point = tuple[int, int] | None
"""Affine coordinates; None is the point at infinity."""


def pair_matches(private: bytes, public: bytes) -> bool:
    """Whether `public` (0x04, x, y: 65 bytes) is `private` (32 bytes, big endian) times the generator."""
    scalar = int.from_bytes(private, "big")
    if len(private) != 32 or len(public) != 65 or public[0] != 4 or not 0 < scalar < N:
        return False
    claimed = (int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big"))
    return _multiply(scalar, G) == claimed


def _multiply(scalar: int, point: _Point) -> _Point:
    total: _Point = None
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _add(left: _Point, right: _Point) -> _Point:
    if left is None:
        return right
    if right is None:
        return left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    if left == right:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P
