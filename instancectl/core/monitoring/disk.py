"""When a file system will be full, if it goes on like this."""

from __future__ import annotations

from collections.abc import Sequence

WINDOW_SECONDS = 6 * 3600.0
"""History that a forecast looks at."""

LEAST_SECONDS = 1800.0
"""A shorter history says nothing."""

NEVER_BYTES_PER_SECOND = 1.0
"""Filling more slowly than 86 kB a day is not filling."""


def bytes_per_second(history: Sequence[tuple[float, float]]) -> float | None:
    """How fast free space shrinks, by least squares over (time, free bytes); None without enough history."""
    if len(history) < 3 or history[-1][0] - history[0][0] < LEAST_SECONDS:
        return None
    middle = sum(at for at, _ in history) / len(history)
    mean = sum(free for _, free in history) / len(history)
    spread = sum((at - middle) ** 2 for at, _ in history)
    return -sum((at - middle) * (free - mean) for at, free in history) / spread


def full_at(history: Sequence[tuple[float, float]]) -> float | None:
    """The moment nothing is left, seconds since 1970; None when it does not fill or nobody can tell."""
    if not history:
        return None
    last, free = history[-1]
    recent = [entry for entry in history if entry[0] >= last - WINDOW_SECONDS]
    speed = bytes_per_second(recent)
    if speed is None or speed < NEVER_BYTES_PER_SECOND:
        return None
    return last + max(0.0, free) / speed
