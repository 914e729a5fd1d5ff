"""A short history of one number: what was seen, when, and its mean over the last seconds."""

from __future__ import annotations

from typing import TypeAlias

Window: TypeAlias = tuple[tuple[float, float], ...]
"""(seconds since the epoch, value), oldest first."""


def added(window: Window, at: float, value: float, keep_seconds: float = 300.0) -> Window:
    """The window with one more value; older ones than `keep_seconds` are dropped."""
    oldest = at - keep_seconds
    start = 0
    for stamp, _ in window:
        if stamp > oldest:
            break
        start += 1
    return (*window[start:], (at, value))


def mean(window: Window, seconds: float) -> float:
    """Mean of the values of the last `seconds`, counted from the newest; 0 when there is none."""
    if not window:
        return 0.0
    oldest = window[-1][0] - seconds
    total, count = 0.0, 0
    for stamp, value in reversed(window):
        if stamp <= oldest:
            break
        total += value
        count += 1
    return total / count


def total(window: Window, seconds: float) -> float:
    """Sum of the values of the last `seconds`, counted from the newest."""
    if not window:
        return 0.0
    oldest = window[-1][0] - seconds
    return sum(value for stamp, value in window if stamp > oldest)


def largest(window: Window) -> float:
    """The largest value; 0 when there is none."""
    return max((value for _, value in window), default=0.0)


def span(window: Window) -> float:
    """Seconds between the oldest and the newest value."""
    return window[-1][0] - window[0][0] if window else 0.0
