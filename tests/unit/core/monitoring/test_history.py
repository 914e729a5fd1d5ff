from __future__ import annotations

from datetime import date

from instancectl.core.monitoring.history import month_lines, outage_lines, window, window_lines
from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import OBJECTIVES, SLICES_PER_DAY, Counts, Verdict
from instancectl.operations import monitoring
from tests.fakes.clock import FakeClock
from tests.fakes.uptime_ledger import FakeLedger
from tests.operations.watched import CONFIG

DAY = SLICES_PER_DAY
TODAY = date(2027, 1, 15)  # where the fake clock begins
FIRST = 1_800_000_000 // 15


def test_a_hundred_percent_means_all_of_it() -> None:
    recent = {"availability": Counts(10 * DAY - 1, 1), "web": Counts(DAY), "login": Counts(unknown=5)}
    lines = window_lines(recent, OBJECTIVES)
    assert lines[1].split() == ["availability", "99.998", "%", "100.0", "%", "15", "s", "98", "%"]
    assert lines[2].split()[:3] == ["web", "100.000", "%"]
    assert lines[3].split() == ["login", "unknown", "0.0", "%", "0", "s", "unknown"]


def test_days_before_the_window_are_left_out() -> None:
    days = {"web": {date(2026, 12, 16): Counts(1), date(2026, 12, 17): Counts(10), TODAY: Counts(0, 5)}}
    assert window(days, TODAY) == {"web": Counts(10, 5)}


def test_each_year_follows_its_months() -> None:
    lines = month_lines({date(2026, 11, 30): Counts(2), date(2026, 12, 1): Counts(1, 1), TODAY: Counts(3)})
    assert [line.split()[0] for line in lines[1:]] == ["2026-11", "2026-12", "2026", "2027-01", "2027"]
    assert lines[3].split()[1] == "75.000"


def test_outages_are_told_with_their_cause_newest_first() -> None:
    spells = [Spell(0, 9, Verdict.BAD, "db"), Spell(10, 19, Verdict.GOOD), Spell(20, 20, Verdict.BAD)]
    assert outage_lines(spells) == [
        "1970-01-01T00:05:00Z  15 s  no single cause",
        "1970-01-01T00:00:00Z  2 min 30 s  db",
    ]


def test_a_whole_answer() -> None:
    ledger = FakeLedger()
    for step in range(100):
        verdict = Verdict.BAD if step in {50, 51} else Verdict.GOOD
        ledger.record(FIRST + step, {"availability": verdict, "web": Verdict.GOOD}, "redis")
    ledger.record(FIRST + 199, {"availability": Verdict.GOOD}, "")
    found = monitoring.uptime(CONFIG, ledger, FakeClock())
    assert found.data["window"]["availability"]["uptime"] == 99 / 101
    assert found.data["window"]["availability"]["coverage"] == 101 / 200
    assert found.data["window"]["streaming"]["uptime"] is None
    assert found.data["outages"] == [{"began_at": "2027-01-15T08:12:30Z", "seconds": 30, "cause": "redis"}]
    assert list(found.data["months"]) == ["2027-01"]


def test_without_a_ledger_the_agent_is_what_is_missing() -> None:
    found = monitoring.uptime(CONFIG, FakeLedger(), FakeClock())
    assert found.data == {"window": {}, "months": {}, "outages": []}
    assert "is the agent running?" in found.lines[0]
