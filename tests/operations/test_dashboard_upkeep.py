"""The dashboard's pages on backups and scaling: silent about what nobody does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from instancectl.core.backup import figures
from instancectl.core.backup.wal import Base
from instancectl.core.backup.wal_figures import WalFigures
from instancectl.core.backup.wal_figures import samples as wal_samples
from instancectl.core.monitoring import catalogue_scaling as autoscaler
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.overview import Reading, State
from instancectl.core.monitoring.overview_upkeep import backups
from instancectl.core.units import show_seconds
from tests.operations.looked_at import LookedAt


def with_samples(*further: Any) -> LookedAt:
    world = LookedAt()
    own = world.agent.samples
    world.dashboard._sources = replace(world.dashboard._sources, samples=lambda: (*own(), *further))
    return world.look()


def test_a_backup_is_told_with_its_age_its_proof_and_its_rehearsal() -> None:
    now = LookedAt().now
    kept = figures.Figures(
        now - 7200, now - 7200, 600, 5 << 30, 2, now - 7200, now - 3600, True, now - 86400, 1200
    )
    section = with_samples(*figures.samples(kept, now)).dashboard.section("backups")
    assert section.state is State.GOOD
    assert section.sentence == "the newest set is 2 h old; rehearsed 1 d ago"
    shown = {one.label: (one.cell.text, one.note) for one in section.figures}
    assert shown["Size"][0] == "5 GiB"
    assert shown["Rehearsed"] == ("1 d ago", "a restore takes 20 min")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"success": 0.0}, "no backup ever worked"),
        ({"success": -4 * 86400.0}, "the newest set is 4 d old"),
        ({"verify_ok": False}, "something was wrong with it"),
        ({"drilled": 0.0}, "no restore was ever rehearsed"),
    ],
)
def test_a_backup_that_is_old_wrong_or_unproven_is_bad(changes: dict[str, Any], said: str) -> None:
    now = LookedAt().now
    moved = {
        key: now + value if isinstance(value, float) and value < 0 else value
        for key, value in changes.items()
    }
    kept = figures.Figures(now - 60, now - 60, 600, 1, 1, 0, now - 60, True, now - 86400, 60)
    section = with_samples(*figures.samples(replace(kept, **moved), now)).dashboard.section("backups")
    assert section.state is State.BAD
    assert said in section.sentence


@pytest.mark.parametrize(
    ("sent_ago", "base", "state", "note"),
    [
        (30, True, State.GOOD, "what was committed before can be brought back"),
        (660, True, State.BAD, "what was committed before can be brought back"),
        (30, False, State.BAD, "WAL is missing since the newest base"),
    ],
)
def test_until_when_any_moment_can_be_restored(sent_ago: int, base: bool, state: State, note: str) -> None:
    now = LookedAt().now
    segments = ("000000010000000000000002", "000000010000000000000003")
    kept = figures.Figures(
        now - 60, now - 60, 600, 1, 1, 0, now - 60, True, now - 86400, 60,
        base=Base("7", *segments, now - 60, 16 << 20) if base else None,
    )  # fmt: skip
    sent = WalFigures(now, now - sent_ago, 1, "7", *segments, "reserved")
    section = with_samples(*figures.samples(kept, now), *wal_samples(sent, kept)).dashboard.section("backups")
    shown = next(one for one in section.figures if one.label == "Any moment until")
    assert (shown.cell.text, shown.cell.state) == (f"{show_seconds(sent_ago)} ago", state)
    assert note in shown.note
    assert section.state is state


def test_without_points_in_time_nothing_is_said_of_them() -> None:
    now = LookedAt().now
    kept = figures.Figures(now - 60, now - 60, 600, 1, 1, 0, now - 60, True, now - 86400, 60)
    section = with_samples(*figures.samples(kept, now)).dashboard.section("backups")
    assert "Any moment until" not in {one.label for one in section.figures}


def test_before_the_first_backup_no_figure_looks_like_one() -> None:
    section = with_samples(*figures.samples(figures.Figures(attempt=5.0), 9.0)).dashboard.section("backups")
    shown = {one.label: (one.cell.text, one.note) for one in section.figures}
    assert (shown["Took"][0], shown["Size"][0]) == ("–", "–")
    assert shown["Looked at"] == ("never", "nobody looked yet")


def test_without_backups_the_page_says_how_to_make_one() -> None:
    section = backups(Reading(()), 1.0)
    assert section.state is State.UNKNOWN
    assert "`instancectl backup init`" in section.sentence


def test_scaling_tells_mode_pressure_and_what_was_given_up() -> None:
    section = with_samples(
        Sample(autoscaler.MODE, 1, ("advise",)), Sample(autoscaler.MODE, 0, ("auto",)),
        Sample(autoscaler.LADDER, 2), Sample(autoscaler.PRESSURE, 1.5, ("push",)),
    ).dashboard.section("scaling")  # fmt: skip
    assert [(one.label, one.cell.text, one.cell.state) for one in section.figures] == [
        ("Mode", "advise", State.PLAIN), ("Given up", "2", State.WARN),
    ]  # fmt: skip
    (pressure,) = [one for one in section.tables if one.title == "Wait, as a share of what is allowed"]
    assert (pressure.rows[0][1].text, pressure.rows[0][1].state) == ("150 %", State.WARN)
    assert section.state is State.WARN
    assert section.sentence.startswith(
        "waits longer than allowed: push 1.5 times; `instancectl scale explain`"
    )
