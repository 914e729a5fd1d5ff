"""History of readings: bounded, as quick for the last as for the first, and honest about gaps."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from instancectl.adapters.sqlite.reading_ring import SqliteRing
from instancectl.core.monitoring.panels import MOST_KEYS
from instancectl.core.monitoring.ring import TIERS, WINDOWS
from instancectl.errors import OperationFailed
from instancectl.ports.reading_ring import ReadingRing
from tests.fakes.reading_ring import FakeRing

KEY = ("instancectl_db_connections", "")
OTHER = ("instancectl_sidekiq_queue_jobs", "push")
NOW = 1_800_000_000.0


class TestRings:
    @pytest.fixture(params=["fake", "sqlite"])
    def ring(self, request: pytest.FixtureRequest, tmp_path: Path):
        if request.param == "fake":
            yield FakeRing()
            return
        with closing(SqliteRing(tmp_path / "state" / "readings.sqlite3")) as made:
            yield made

    def test_an_empty_one_has_times_and_no_values(self, ring: ReadingRing) -> None:
        found = ring.history([KEY], "1h", NOW)
        assert ring.keys() == ()
        assert len(found.times) == 240
        assert found.means == ((None,) * 240,)

    def test_a_reading_is_there_at_once_in_every_window(self, ring: ReadingRing) -> None:
        ring.add(NOW, {KEY: 9.0, OTHER: 3.0})
        assert set(ring.keys()) == {KEY, OTHER}
        for window in WINDOWS:
            found = ring.history([OTHER, KEY], window, NOW)
            assert (found.means[0][-1], found.means[1][-1]) == (3.0, 9.0)

    def test_a_slot_of_many_readings_knows_their_mean_and_their_highest(self, ring: ReadingRing) -> None:
        for step, value in enumerate((10.0, 40.0, 10.0)):
            ring.add(NOW + step * 15, {KEY: value})
        found = ring.history([KEY], "24h", NOW + 30)
        assert (found.means[0][-1], found.peaks[0][-1]) == (20.0, 40.0)

    def test_time_nobody_looked_at_is_a_gap(self, ring: ReadingRing) -> None:
        ring.add(NOW, {KEY: 1.0})
        ring.add(NOW + 60, {KEY: 2.0})
        assert ring.history([KEY], "1h", NOW + 60).means[0][-5:] == (1.0, None, None, None, 2.0)

    def test_a_line_that_begins_later_has_no_past(self, ring: ReadingRing) -> None:
        ring.add(NOW, {KEY: 1.0})
        ring.add(NOW + 15, {KEY: 1.0, OTHER: 5.0})
        assert ring.history([OTHER], "1h", NOW + 15).means[0][-2:] == (None, 5.0)

    def test_zero_and_below_are_values(self, ring: ReadingRing) -> None:
        ring.add(NOW, {KEY: -2.0, OTHER: 0.0})
        found = ring.history([KEY, OTHER], "7d", NOW)
        assert (found.peaks[0][-1], found.means[1][-1]) == (-2.0, 0.0)

    def test_what_is_written_over_is_never_shown_as_something_else(self, ring: ReadingRing) -> None:
        ring.add(NOW, {KEY: 7.0})
        later = NOW + TIERS[0].span_seconds
        assert set(ring.history([KEY], "1h", later).means[0]) == {None}
        ring.add(later, {KEY: 8.0})
        assert [value for value in ring.history([KEY], "1h", later).means[0] if value] == [8.0]
        assert [value for value in ring.history([KEY], "24h", later).means[0] if value] == [7.0, 8.0]

    def test_a_clock_that_goes_back_loses_no_newer_reading(self, ring: ReadingRing) -> None:
        ring.add(NOW, {KEY: 7.0})
        ring.add(NOW - 30, {KEY: 5.0})
        assert ring.history([KEY], "1h", NOW).means[0][-3:] == (5.0, None, 7.0)

    def test_an_odd_label_does_not_make_it_grow(self, ring: ReadingRing) -> None:
        ring.add(NOW, {("instancectl_made_up", str(number)): 1.0 for number in range(MOST_KEYS + 50)})
        ring.add(NOW + 15, {KEY: 1.0})
        assert len(ring.keys()) == MOST_KEYS


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: f"{tier.seconds}s")
def test_every_window_fits_into_its_tier(tier) -> None:
    assert all(tier.span_seconds >= seconds for seconds, mine in WINDOWS.values() if mine is tier)
    assert tier.slots <= 800  # what a chart can show


def test_it_survives_its_process_and_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    points = {("instancectl_made_up", str(number)): float(number) for number in range(60)}
    with closing(SqliteRing(path)) as first:
        for step in range(TIERS[0].slots + 100):
            first.add(NOW + step * 15, points)
        with closing(sqlite3.connect(path)) as other:
            rows = other.execute("select count(*) from slot where tier = 0").fetchone()
        assert rows == (TIERS[0].slots,)
    size = path.stat().st_size
    end = NOW + (TIERS[0].slots + 99) * 15
    with closing(SqliteRing(path)) as again:
        assert again.history([("instancectl_made_up", "59")], "1h", end).means[0][-1] == 59.0
        for step in range(TIERS[0].slots):
            again.add(end + step * 15, points)
    assert path.stat().st_size <= size * 1.4  # the coarse tiers still fill up, the fine one no more


KILLED = """
import sys
from pathlib import Path
from instancectl.adapters.sqlite.reading_ring import SqliteRing
ring = SqliteRing(Path(sys.argv[1]))
at = 1_800_000_000.0
while True:
    ring.add(at, {("instancectl_db_connections", ""): at % 100, (f"line", str(int(at) % 50)): 1.0})
    at += 15
    print(at, flush=True)
"""


def test_a_kill_at_any_moment_leaves_whole_readings(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    last = 0.0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True)
        for _ in range(60):
            last = float(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        last = float((process.stdout.read().splitlines() or [last])[-1])
        process.wait()
        process.stdout.close()
        with closing(SqliteRing(path)) as ring:
            assert ring.history([KEY], "1h", last - 15).means[0][-1] == (last - 15) % 100


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    path.write_bytes(b"no database" * 500)
    with closing(SqliteRing(path)) as ring, pytest.raises(OperationFailed) as caught:
        ring.add(NOW, {KEY: 1.0})
    assert str(path) in caught.value.message
    assert f"rm {path}" in caught.value.hint
