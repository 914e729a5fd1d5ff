"""Uptime as a table: the last days, month by month, and the last outages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import Counts, Verdict, budget_left, by_month, last_days
from instancectl.core.units import show_seconds

WINDOW_DAYS = 30


def window(days: Mapping[str, Mapping[date, Counts]], today: date) -> dict[str, Counts]:
    """Service level indicator → its last 30 days."""
    return {sli: last_days(mine, today, WINDOW_DAYS) for sli, mine in days.items()}


def span_words(days: Mapping[date, Counts], today: date) -> str:
    """The time that the last 30 days stand for: nothing is known of days before counting began."""
    first = min(days, default=None)
    if first and first > today - timedelta(days=WINDOW_DAYS - 1):
        return f"since {first}, when counting began"
    return f"in the last {WINDOW_DAYS} days"


def as_json(counts: Counts, objective: float) -> dict[str, Any]:
    """Plain values; null where nothing was measured."""
    return {
        "uptime": counts.uptime,
        "coverage": counts.coverage,
        "bad_seconds": counts.bad_seconds,
        "objective": objective,
        "budget_left": budget_left(counts, objective),
    }


def window_lines(recent: Mapping[str, Counts], objectives: Mapping[str, float]) -> list[str]:
    """A row for each indicator."""
    rows = [("LAST 30 DAYS", "UPTIME", "COVERAGE", "BAD", "BUDGET LEFT")]
    for sli, counts in recent.items():
        left = budget_left(counts, objectives[sli])
        rows.append((sli, *_shown(counts), "unknown" if left is None else f"{left * 100:.0f} %"))
    return _aligned(rows)


def month_lines(days: Mapping[date, Counts]) -> list[str]:
    """A row for each month, and for each whole or begun year."""
    rows = [("AVAILABILITY", "UPTIME", "COVERAGE", "BAD")]
    months = by_month(days)
    for year in sorted({month[:4] for month in months}):
        mine = {month: counts for month, counts in months.items() if month.startswith(year)}
        rows += [(month, *_shown(counts)) for month, counts in mine.items()]
        rows.append((year, *_shown(sum(mine.values(), Counts()))))
    return _aligned(rows)


def outage_lines(spells: Iterable[Spell]) -> list[str]:
    """The stretches that were bad, newest first."""
    return ["  ".join(row) for row in outage_rows(spells)]


def outage_rows(spells: Iterable[Spell]) -> list[tuple[str, str, str]]:
    """When each bad stretch began, how long it was, and what broke; newest first."""
    return [
        (began(spell), show_seconds(spell.seconds), spell.cause or "no single cause")
        for spell in reversed(tuple(spells))
        if spell.verdict is Verdict.BAD
    ]


def began(spell: Spell) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(spell.began_at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _shown(counts: Counts) -> tuple[str, str, str]:
    return percent(counts.uptime, 3), percent(counts.coverage, 1), show_seconds(counts.bad_seconds)


def percent(share: float | None, digits: int) -> str:
    """Rounded down: a hundred percent means all of it."""
    if share is None:
        return "unknown"
    scale = 10**digits
    return f"{math.floor(share * 100 * scale) / scale:.{digits}f} %"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
