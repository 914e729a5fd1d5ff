"""Bytes and seconds for people: show and parse. Machines get the raw numbers."""

from __future__ import annotations

import re
from typing import Final

MB: Final = 1_000_000
KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

_BYTE_UNITS: Final = (("TiB", 1024 * GIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB))
_SUFFIXES: Final = {
    "": 1, "b": 1, "k": KIB, "kib": KIB, "kb": 1000, "m": MIB, "mib": MIB, "mb": MB,
    "g": GIB, "gib": GIB, "gb": 1000 * MB, "t": 1024 * GIB, "tib": 1024 * GIB, "tb": 1_000_000 * MB,
}  # fmt: skip
_DAY: Final = 86_400
_HOUR: Final = 3_600
_MINUTE: Final = 60


def show_bytes(amount: int) -> str:
    """`amount` bytes with a binary unit and at most one decimal, e.g. `1.5 GiB`."""
    for unit, size in _BYTE_UNITS:
        if abs(amount) >= size:
            return f"{amount / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{amount} B"


def show_mib(amount: int) -> str:
    """`amount` bytes in whole MiB, rounded down: the unit of all memory arithmetic."""
    return f"{amount // MIB} MiB"


def parse_bytes(text: str) -> int:
    """Bytes of `512`, `512 MiB`, `1.5g` …; `kb`, `mb`, `gb` are powers of 1000, all others of 1024.

    Raises:
        ValueError: when `text` is no such amount.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2].lower() not in _SUFFIXES:
        raise ValueError(f"`{text}` is no amount of bytes; write for example `512 MiB`")
    return int(float(match[1]) * _SUFFIXES[match[2].lower()])


def show_seconds(seconds: float) -> str:
    """`seconds` in the two largest units that say something, e.g. `2 h 5 min`, `41 s`, `0.3 s`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = int(seconds)
    if whole < _HOUR:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit}" + (f" {small} {small_unit}" if small else "")
