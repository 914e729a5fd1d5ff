"""Moments and spans as people type them: `02:41`, `2h`, `90 min`, `last-tuesday`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from instancectl.errors import ConfigError

UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN: Final = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*([a-z]+)")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


def span(text: str) -> float:
    """Seconds of `90s`, `30min`, `2h`, `1d`.

    Raises:
        ConfigError: it is no such span, or none at all.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or found[2] not in UNITS or not float(found[1]):
        raise ConfigError(
            f"`{text}` is no length of time", hint="write for example `2h` or `30min`", subject=text
        )
    return float(found[1]) * UNITS[found[2]]


def until(text: str, now: datetime) -> datetime:
    """The end: after a span, or the next time the clock shows `18:00`, or a date with a time.

    Raises:
        ConfigError: it is none of them, or it has passed.
    """
    if _SPAN.fullmatch(text.strip().lower()):
        return now + timedelta(seconds=span(text))
    clock = _on_clock(text, now)
    if clock is not None:
        return clock if clock > now else clock + timedelta(days=1)
    moment = _dated(text, now)
    if moment <= now:
        raise ConfigError(f"`{text}` has passed", hint="write for example `2h` or `18:00`", subject=text)
    return moment


def past(text: str, now: datetime) -> datetime:
    """The last time the clock showed `02:41`, or a date with a time.

    Raises:
        ConfigError: it is neither.
    """
    clock = _on_clock(text, now)
    if clock is not None:
        return clock if clock <= now else clock - timedelta(days=1)
    return _dated(text, now)


def day(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Begin and end of `today`, `yesterday`, `last-tuesday` or `2027-01-31`; None when it names no day."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    name = text.removeprefix("last-")
    if name in DAYS:
        begin = midnight - timedelta(days=(midnight.weekday() - DAYS.index(name) - 1) % 7 + 1)
    elif text in {"today", "yesterday"}:
        begin = midnight - timedelta(days=int(text == "yesterday"))
    elif re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        begin = _dated(text, now)
    else:
        return None
    return begin, begin + timedelta(days=1)


def _on_clock(text: str, now: datetime) -> datetime | None:
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    return now.replace(hour=hour, minute=minute, second=second, microsecond=0)


def _dated(text: str, now: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(
            f"`{text}` is no moment", hint="write for example `02:41` or `2027-01-31T02:41`", subject=text
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
