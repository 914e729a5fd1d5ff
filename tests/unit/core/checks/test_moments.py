"""The check of points in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.backup.figures import Figures
from instancectl.core.backup.wal import Base
from instancectl.core.backup.wal_figures import SLOT, WalFigures, samples
from instancectl.core.check import Severity
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Skipped
from instancectl.core.checks.moments import moments
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import NOW, config_of

MIB = 1024 * 1024
SEGMENT = "0000000100000000000000{:02X}".format
BASE = Base("7", SEGMENT(5), SEGMENT(5), 1, 16 * MIB)
WELL = WalFigures(sent=NOW - 40, system="7", first=SEGMENT(2), last=SEGMENT(9), slot="reserved")


def facts(wal: WalFigures | Unknown, base: Base | None = BASE, *, wanted: bool = True) -> Facts:
    config = config_of()
    backup = config.backup.model_copy(update={"recipients": ("age1x",), "point_in_time": wanted})
    config = config.model_copy(update={"backup": backup})
    return Facts(config, now=NOW, backups=Figures(base=base), wal=wal)


def test_what_was_sent_a_moment_ago_is_well():
    found = moments(facts(WELL))
    assert (found.severity, found.seen) == (
        Severity.OK,
        "a loss now would cost 40 s; nothing is missing since the last base",
    )


@pytest.mark.parametrize(
    ("wal", "severity", "seen"),
    [
        (WalFigures(), Severity.FAIL, "no WAL was ever sent"),
        (replace(WELL, sent=NOW - 660), Severity.WARN, "last sent 11 min ago"),
        (replace(WELL, sent=NOW - 3700), Severity.FAIL, "last sent 1 h 1 min ago"),
        (replace(WELL, sent=NOW - 660, slot="lost"), Severity.FAIL, "gave the slot up"),
        (replace(WELL, first=SEGMENT(6)), Severity.FAIL, "something is missing since the last base"),
        (replace(WELL, system="8"), Severity.FAIL, "something is missing"),
        (replace(WELL, lag_bytes=3000 * MIB), Severity.WARN, "holds back 2.9 GiB of WAL, at most 4 GiB"),
    ],
)
def test_what_is_not_well_is_said(wal, severity, seen):
    found = moments(facts(wal))
    assert found.severity is severity
    assert seen in found.seen


def test_without_a_base_nothing_can_be_reached():
    assert "no base" in moments(facts(WELL, None)).seen


def test_a_set_without_a_base_is_a_warning_while_an_earlier_one_leads_on():
    found = moments(replace(facts(WELL), backups=Figures(base=BASE, base_ok=False)))
    assert (found.severity, "moments begin with an earlier one" in found.seen) == (Severity.WARN, True)


def test_it_does_not_apply_where_only_sets_are_kept():
    assert isinstance(moments(facts(WELL, wanted=False)), Skipped)


def test_what_cannot_be_read_is_unknown():
    assert moments(facts(Unknown("cannot read it"))).severity is Severity.UNKNOWN


@pytest.mark.parametrize(("slot", "held"), [("extended", 1), ("unreserved", 0), ("lost", 0), ("", 0)])
def test_whether_postgresql_keeps_what_was_not_taken(slot, held):
    (found,) = [one for one in samples(replace(WELL, slot=slot), Figures()) if one.metric is SLOT]
    assert found.value == held
    assert SLOT not in {one.metric for one in samples(WalFigures(), Figures())}  # nobody asked yet


def test_metrics_say_the_same():
    values = {
        one.metric.name.removeprefix("instancectl_backup_wal_"): one.value
        for one in samples(WELL, Figures(base=BASE))
    }
    assert values == {
        "sent_timestamp_seconds": NOW - 40, "lag_bytes": 0, "waiting_bytes": 0, "unbroken": 1,
        "instancectl_backup_base_success": 1, "slot_held": 1,
    }  # fmt: skip
