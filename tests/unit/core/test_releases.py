"""The table of releases has the right shape, and versions compare as numbers."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core import releases
from instancectl.core.releases import RELEASE_LINES

VERSIONS = st.lists(st.integers(0, 40), min_size=1, max_size=4).map(tuple)


def test_lines_are_in_order_and_so_are_their_needs() -> None:
    for older, newer in itertools.pairwise(RELEASE_LINES):
        assert older.line < newer.line
        assert older.first < newer.first
        assert releases.at_least(newer.postgres_minimum, older.postgres_minimum)
        assert releases.at_least(newer.redis_minimum, older.redis_minimum)
        assert newer.sidekiq >= older.sidekiq


def test_days_are_days_and_the_newest_belongs_to_its_line() -> None:
    for row in RELEASE_LINES:
        assert date.fromisoformat(row.first)
        assert not row.supported_until or date.fromisoformat(row.supported_until) > date.fromisoformat(
            row.first
        )
        assert row.newest.startswith(f"{row.line}.")


@pytest.mark.parametrize(
    ("release", "line"),
    [("4.6.3", "4.6"), ("4.3.0", "4.3"), ("4.6.3+glitch", "4.6"), ("4.7.0-rc.1", "4.7")],
)
def test_a_release_belongs_to_its_line(release: str, line: str) -> None:
    found = releases.line_of(release)
    assert found is not None
    assert found.line == line


def test_an_unknown_release_gets_the_needs_of_the_nearest_known() -> None:
    assert releases.line_of("5.0.0") is None
    assert releases.requirements_of("5.0.0") is RELEASE_LINES[-1]
    assert releases.requirements_of("4.2.1") is RELEASE_LINES[0]
    assert releases.requirements_of("4.10.0") is RELEASE_LINES[-1]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("postgres (PostgreSQL) 17.6 (Debian 17.6-1.pgdg13+1)", (17, 6)),
        ("Redis server v=8.0.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1", (8, 0, 2)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("none", None),
    ],
)
def test_a_version_is_found_in_what_programs_say(text: str, version: tuple[int, ...] | None) -> None:
    assert releases.parse_version(text) == version


@given(VERSIONS, VERSIONS)
def test_of_two_versions_one_reaches_the_other(one: releases.Version, other: releases.Version) -> None:
    assert releases.at_least(one, other) or releases.at_least(other, one)
    assert releases.at_least(one, one)


@given(VERSIONS)
def test_missing_parts_count_as_zero(version: releases.Version) -> None:
    assert releases.at_least(version, (*version, 0))
    assert releases.at_least((*version, 0), version)
    assert releases.parse_version(releases.show_version(version)) == version
