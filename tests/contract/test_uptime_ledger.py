"""Every slice is counted exactly once: on the fake, on SQLite, under restarts and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger
from instancectl.core.monitoring.ledger import Spell
from instancectl.core.monitoring.sli import SLICES_PER_DAY, Counts, Verdict
from instancectl.errors import OperationFailed
from instancectl.ports.uptime_ledger import UptimeLedger
from tests.fakes.uptime_ledger import FakeLedger

GOOD, BAD, UNKNOWN = Verdict.GOOD, Verdict.BAD, Verdict.UNKNOWN
FIRST = 20_000 * SLICES_PER_DAY


class TestLedgers:
    @pytest.fixture(params=["fake", "sqlite"])
    def ledger(self, request: pytest.FixtureRequest, tmp_path: Path):
        if request.param == "fake":
            yield FakeLedger()
            return
        with closing(SqliteLedger(tmp_path / "state" / "uptime.sqlite3")) as made:
            yield made

    def test_an_empty_one_has_nothing(self, ledger: UptimeLedger) -> None:
        assert ledger.totals() == {}
        assert ledger.days("web") == {}
        assert ledger.spells("web", 5) == ()
        assert ledger.free_history("docker") == ()

    def test_slices_are_counted_by_verdict_and_day(self, ledger: UptimeLedger) -> None:
        for step, verdict in enumerate([GOOD, BAD, BAD, UNKNOWN]):
            ledger.record(FIRST - 2 + step, {"web": verdict, "login": GOOD}, "db")
        assert ledger.totals() == {"web": Counts(1, 2, 1), "login": Counts(4, 0, 0)}
        assert ledger.days("web") == {date(2024, 10, 3): Counts(1, 1, 0), date(2024, 10, 4): Counts(0, 1, 1)}

    def test_what_nobody_recorded_is_unknown_on_the_days_it_fell_on(self, ledger: UptimeLedger) -> None:
        ledger.record(FIRST, {"web": GOOD}, "")
        ledger.record(FIRST + 2 * SLICES_PER_DAY, {"web": GOOD}, "")
        assert list(ledger.days("web").values()) == [
            Counts(1, 0, SLICES_PER_DAY - 1), Counts(0, 0, SLICES_PER_DAY), Counts(1, 0, 0),
        ]  # fmt: skip

    def test_what_others_measured_stands_for_unknown_and_bad_for_good(self, ledger: UptimeLedger) -> None:
        ledger.record(FIRST - 10, {"web": GOOD}, "")
        ledger.record(FIRST + 10, {"web": GOOD}, "")
        told = [
            Spell(FIRST - 20, FIRST - 6, GOOD),
            Spell(FIRST - 5, FIRST + 3, BAD, "seen from b"),
            Spell(FIRST + 4, FIRST + 5, UNKNOWN),
            Spell(FIRST + 10, FIRST + 99, BAD, "seen from b"),
        ]
        assert ledger.fill("web", told) == 4 + 9 + 1
        assert ledger.fill("web", told) == 0
        assert ledger.totals() == {"web": Counts(5, 10, 6)}
        assert ledger.spells("web", 9) == (
            Spell(FIRST - 10, FIRST - 6, GOOD), Spell(FIRST - 5, FIRST + 3, BAD, "seen from b"),
            Spell(FIRST + 4, FIRST + 9, UNKNOWN), Spell(FIRST + 10, FIRST + 10, BAD, "seen from b"),
        )  # fmt: skip
        assert ledger.days("web") == {date(2024, 10, 3): Counts(5, 5, 0), date(2024, 10, 4): Counts(0, 5, 6)}
        assert ledger.filled() == {"web": 4 + 9}
        assert ledger.fill("login", told) == 0

    @given(
        st.lists(st.tuples(st.integers(0, 12), st.sampled_from(list(Verdict))), max_size=12),
        st.lists(
            st.tuples(st.integers(-5, 60), st.integers(0, 20), st.sampled_from(list(Verdict))), max_size=6
        ),
    )
    def test_filling_adds_no_slice_and_both_ledgers_agree(
        self, recorded: list[tuple[int, Verdict]], told: list[tuple[int, int, Verdict]]
    ) -> None:
        spells = [Spell(FIRST + at, FIRST + at + more, verdict, "b") for at, more, verdict in told]
        with tempfile.TemporaryDirectory() as directory:
            fake, real = FakeLedger(), SqliteLedger(Path(directory) / "uptime.sqlite3")
            with closing(real):
                for made in (fake, real):
                    at = FIRST
                    for gap, verdict in recorded:
                        made.record(at, {"web": verdict}, "db")
                        at += 1 + gap
                elapsed = fake.totals().get("web", Counts()).elapsed
                assert fake.fill("web", spells) == real.fill("web", spells)
                assert real.totals().get("web", Counts()).elapsed == elapsed
                assert fake.totals() == real.totals()
                assert fake.filled() == real.filled()
                assert fake.days("web") == real.days("web")
                assert fake.spells("web", 99) == real.spells("web", 99)

    def test_a_slice_is_never_counted_twice_nor_changed(self, ledger: UptimeLedger) -> None:
        ledger.record(FIRST, {"web": GOOD}, "")
        ledger.record(FIRST, {"web": BAD}, "db")
        ledger.record(FIRST - 5, {"web": BAD}, "db")
        assert ledger.totals() == {"web": Counts(1, 0, 0)}

    def test_stretches_are_told_with_their_cause(self, ledger: UptimeLedger) -> None:
        for step, (verdict, cause) in enumerate(
            [(GOOD, ""), (GOOD, "mail"), (BAD, "db"), (BAD, "db"), (BAD, "web")]
        ):
            ledger.record(FIRST + step, {"web": verdict}, cause)
        ledger.record(FIRST + 9, {"web": GOOD}, "")
        found = [
            (one.first - FIRST, one.last - FIRST, one.verdict, one.cause) for one in ledger.spells("web", 9)
        ]
        assert found == [
            (0, 1, GOOD, ""), (2, 3, BAD, "db"), (4, 4, BAD, "web"), (5, 8, UNKNOWN, ""), (9, 9, GOOD, ""),
        ]  # fmt: skip
        assert [one.verdict for one in ledger.spells("web", 2)] == [UNKNOWN, GOOD]
        assert ledger.spells("web", 9)[1].seconds == 30

    def test_room_is_remembered_for_a_week(self, ledger: UptimeLedger) -> None:
        day = 86400.0
        for at in (0, 3 * day, 8 * day):
            ledger.note_free(at, "docker", int(at) + 1)
        assert ledger.free_history("docker") == ((3 * day, 3 * day + 1), (8 * day, 8 * day + 1))


# What may happen: a slice is recorded, slices pass by, the process starts anew, the clock is set back.
STEPS = st.lists(
    st.one_of(
        st.sampled_from([GOOD, BAD, UNKNOWN]),
        st.integers(1, 9000),
        st.just("restart"),
        st.just("clock back"),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=60)
def test_good_bad_and_unknown_add_up_to_the_slices_that_went_by(steps: list[object]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, now, first, last = Path(directory) / "uptime.sqlite3", FIRST, None, None
        ledger, fake = SqliteLedger(path), FakeLedger()
        for step in steps:
            if isinstance(step, Verdict):
                ledger.record(now, {"web": step}, "db")
                fake.record(now, {"web": step}, "db")
                first, last = now if first is None else first, max(now, last or now)
                now += 1
            elif step == "restart":
                ledger.close()
                ledger = SqliteLedger(path)
            elif step == "clock back":
                now -= 3
            else:
                now += step
        counts = ledger.totals().get("web", Counts())
        assert counts.elapsed == (0 if first is None else last - first + 1)
        assert ledger.totals() == fake.totals()
        assert ledger.days("web") == fake.days("web")
        assert ledger.spells("web", 100) == fake.spells("web", 100)
        ledger.close()


WRITER = """
import sys
from pathlib import Path
from instancectl.adapters.sqlite.uptime_ledger import SqliteLedger
from instancectl.core.monitoring.sli import Verdict
ledger, number = SqliteLedger(Path(sys.argv[1])), int(sys.argv[2])
while True:
    ledger.record(number, {"web": Verdict.GOOD, "login": Verdict.BAD}, "db")
    print(number, flush=True)
    number += 1
"""


def test_a_killed_writer_loses_nothing_it_had_said(tmp_path: Path) -> None:
    path, number, said = tmp_path / "uptime.sqlite3", FIRST, FIRST
    for lines in (1, 40, 7, 90):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number)], stdout=subprocess.PIPE, text=True
        ) as writer:
            for _ in range(lines):
                said = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            writer.stdout.read()
        number = said + 5
    with closing(SqliteLedger(path)) as ledger:
        totals = ledger.totals()
        written = ledger.spells("web", 1)[0].last
        assert written >= said
        assert totals["web"].elapsed == totals["login"].elapsed == written - FIRST + 1
        assert totals["web"].good == totals["login"].bad


def test_a_reader_sees_what_a_writer_has_committed(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "l")) as writer, closing(SqliteLedger(tmp_path / "l")) as reader:
        writer.record(FIRST, {"web": GOOD}, "")
        assert reader.totals()["web"].good == 1


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "l").write_text("something else, and long enough to be looked at" * 100)
    with pytest.raises(OperationFailed, match="cannot use the uptime ledger"):
        SqliteLedger(tmp_path / "l").record(FIRST, {"web": GOOD}, "")


def test_reading_makes_no_file(tmp_path: Path) -> None:
    assert SqliteLedger(tmp_path / "l").totals() == {}
    assert not list(tmp_path.iterdir())
