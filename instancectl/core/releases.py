"""What each line of Mastodon releases needs, and which releases are known.

Source: platform matrix of the release trees v4.3.23, v4.4.20, v4.5.13, v4.6.3 and `main` of 2026-08-07:
PostgreSQL from lib/tasks/db.rake (enforced by `db:migrate`), Redis from README.md and Sidekiq's own
lib/sidekiq/cli.rb (enforced at boot), Sidekiq from Gemfile.lock, support from SECURITY.md and CHANGELOG.md.
Read 2026-11-22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Version = tuple[int, ...]
"""Numbers of a version, most significant first."""


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """One line X.Y of Mastodon releases.

    Attributes:
        line: `X.Y`.
        first: day of the first release, ISO 8601.
        supported_until: last day with security fixes, ISO 8601; empty while no end is announced.
        newest: newest release seen when this table was written.
        postgres_minimum: oldest PostgreSQL that `db:migrate` accepts.
        redis_minimum: oldest Redis that its Sidekiq boots with.
        sidekiq: the Sidekiq it runs.
        uncertain: what of this row was not read at its source.
    """

    line: str
    first: str
    supported_until: str
    newest: str
    postgres_minimum: Version
    redis_minimum: Version
    sidekiq: Version
    uncertain: str = ""


RELEASE_LINES: tuple[ReleaseLine, ...] = (
    ReleaseLine("4.3", "2024-10-08", "2026-05-20", "4.3.23", (12,), (4,), (6, 5)),
    ReleaseLine("4.4", "2025-07-08", "2026-12-17", "4.4.20", (13,), (6, 2), (7, 3)),
    ReleaseLine("4.5", "2025-11-06", "2027-02-20", "4.5.20", (14,), (7, 0), (8, 0), "end of support"),
    ReleaseLine("4.6", "2026-06-17", "", "4.6.3", (14,), (7, 0), (8, 1)),
    ReleaseLine("4.7", "2026-08-20", "", "4.7.6", (14,), (7, 0), (8, 1), "read on `main` before 4.7.0"),
)
"""Oldest first."""

CORRUPTING_POSTGRES: tuple[Version, Version] = ((14, 0), (14, 3))
"""PostgreSQL 14.0 to 14.3 can corrupt indexes built concurrently; Mastodon advises against them."""


def parse_version(text: str) -> Version | None:
    """The first dotted number in a text, e.g. of `postgres (PostgreSQL) 17.6`; None without one."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else None


def show_version(version: Version) -> str:
    """`(7, 0)` as `7.0`."""
    return ".".join(str(part) for part in version)


def at_least(version: Version, minimum: Version) -> bool:
    """Whether a version reaches a minimum; missing parts count as zero."""
    width = max(len(version), len(minimum))
    return _padded(version, width) >= _padded(minimum, width)


def line_of(release: str) -> ReleaseLine | None:
    """The line a release belongs to, or None when this table does not know it."""
    line = ".".join(release.split(".")[:2])
    return next((row for row in RELEASE_LINES if row.line == line), None)


def support_ends(release: str) -> float | None:
    """End of the last day with security fixes, seconds since 1970; None while nobody announced one."""
    row = line_of(release)
    if row is None or not row.supported_until:
        return None
    last = datetime.fromisoformat(row.supported_until).replace(tzinfo=UTC)
    return (last + timedelta(days=1)).timestamp()


def requirements_of(release: str) -> ReleaseLine:
    """The line whose minimums apply: its own, the newest known for a newer one, the oldest for an older."""
    own = line_of(release)
    if own is not None:
        return own
    version = parse_version(release) or ()
    newest = RELEASE_LINES[-1]
    return newest if version >= (parse_version(newest.line) or ()) else RELEASE_LINES[0]


def _padded(version: Version, width: int) -> Version:
    return version + (0,) * (width - len(version))
