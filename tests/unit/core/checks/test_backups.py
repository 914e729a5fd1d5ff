"""The check of backups."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.backup.figures import Figures
from instancectl.core.check import Severity
from instancectl.core.checks.backups import backups
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Skipped
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import DAY, NOW, config_of

HOUR = 3600
WELL = Figures(success=NOW - 9 * HOUR, drilled=NOW - 5 * DAY, rto_seconds=240)


def facts(figures: Figures | Unknown) -> Facts:
    config = config_of()
    backup = config.backup.model_copy(update={"recipients": ("age1x",)})
    return Facts(config.model_copy(update={"backup": backup}), now=NOW, backups=figures)


def test_a_set_of_last_night_and_a_drill_are_well():
    found = backups(facts(WELL))
    assert (found.severity, found.seen) == (
        Severity.OK,
        "the newest set is 9 h old; a restore takes 4 min, as rehearsed",
    )


@pytest.mark.parametrize(
    ("figures", "severity", "seen"),
    [
        (Figures(), Severity.FAIL, "no backup ever worked"),
        (replace(WELL, success=NOW - 27 * HOUR), Severity.WARN, "1 d 3 h old"),
        (replace(WELL, success=NOW - 51 * HOUR), Severity.FAIL, "2 d 3 h old"),
        (replace(WELL, verify_ok=False), Severity.FAIL, "something was wrong"),
        (replace(WELL, drilled=0), Severity.WARN, "rehearsed never"),
        (replace(WELL, drilled=NOW - 40 * DAY), Severity.WARN, "rehearsed 40 d ago"),
        (Unknown("cannot read `backup.json`"), Severity.UNKNOWN, "cannot read"),
    ],
)
def test_what_is_not_well_is_said(figures, severity, seen):
    found = backups(facts(figures))
    assert found.severity is severity
    assert seen in found.seen


def test_it_does_not_apply_before_backups_are_set_up():
    assert isinstance(backups(Facts(config_of(), now=NOW)), Skipped)
