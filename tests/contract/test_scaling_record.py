"""The record of scaling: on the fake, on SQLite, and after kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from instancectl.adapters.sqlite.scaling_record import KEPT_SECONDS, SqliteScalingRecord
from instancectl.errors import OperationFailed
from instancectl.ports.scaling_record import ScalingRecord
from tests.fakes.scaling_record import FakeScalingRecord

ROW = {"queues": {"push": [3, 1.5, 2, None, 0.25]}, "services": {}, "ladder": 0}
ONE = {"kind": "replicas", "subject": "sidekiq-push", "reason": "late"}


class TestRecords:
    @pytest.fixture(params=["fake", "sqlite"])
    def record(self, request: pytest.FixtureRequest, tmp_path: Path):
        if request.param == "fake":
            yield FakeScalingRecord()
            return
        with closing(SqliteScalingRecord(tmp_path / "state" / "scaling.sqlite3")) as made:
            yield made

    def test_an_empty_one_has_nothing(self, record: ScalingRecord) -> None:
        assert record.memory() is None
        assert record.rows(0, 1e12) == ()
        assert record.decisions(0, 1e12) == ()

    def test_what_is_kept_is_there(self, record: ScalingRecord) -> None:
        (number,) = record.keep(100.0, {"a": [1, 2.5, None]}, ROW, [ONE])
        assert record.memory() == {"a": [1, 2.5, None]}
        assert record.rows(100.0, 100.0) == ((100.0, ROW),)
        (found,) = record.decisions(99.0, 101.0)
        assert (found.at, found.decision, found.outcome, found.number) == (100.0, ONE, "", number)
        record.ended(number, "done")
        assert record.decisions(99.0, 101.0)[0].outcome == "done"

    def test_they_come_oldest_first_and_only_those_asked_for(self, record: ScalingRecord) -> None:
        for at in (10.0, 20.0, 30.0):
            record.keep(at, {}, ROW, [ONE, {**ONE, "subject": "web"}])
        assert [at for at, _ in record.rows(15.0, 30.0)] == [20.0, 30.0]
        assert [one.decision["subject"] for one in record.decisions(0, 15)] == ["sidekiq-push", "web"]

    def test_a_sample_of_which_nothing_is_known_leaves_no_row(self, record: ScalingRecord) -> None:
        record.keep(10.0, {"x": 1}, None, [])
        assert record.rows(0, 100) == ()
        assert record.memory() == {"x": 1}

    def test_after_thirty_days_everything_is_forgotten(self, record: ScalingRecord) -> None:
        record.keep(10.0, {}, ROW, [ONE])
        record.keep(10.0 + KEPT_SECONDS + 1, {}, ROW, [])
        assert len(record.rows(0, 1e12)) == 1
        assert record.decisions(0, 1e12) == ()


def test_thirty_days_take_less_than_a_hundred_megabytes(tmp_path: Path) -> None:
    queues = {name: [17, 3.2, 4, 120, 5.125] for name in ("default", "push", "ingress", "mailers", "pull")}
    services = {f"sidekiq-{name}": [1, 0, 0, 4, 0.312, 315] for name in queues}
    row = {
        "queues": queues, "services": services, "ladder": 0, "web": [4, 0, 2.15, 0.004, 0.512],
        "hosts": [[0.412, 5120]], "database": [71, 200], "mail": [1, 0, 2311], "processed": 51792311,
        "signups": 1, "registrations": "open",
    }  # fmt: skip
    path = tmp_path / "scaling.sqlite3"
    with closing(SqliteScalingRecord(path)) as record:
        for number in range(2000):
            varied = {
                **row,
                "processed": 51792311 + 37 * number,
                "hosts": [[0.3 + number % 97 / 300, 5120 + number]],
            }
            record.keep(1000.0 + 10 * number, {}, varied, [])
        assert record.rows(1000.0, 1000.0)[0][1] == {**row, "hosts": [[0.3, 5120]]}
    assert path.stat().st_size / 2000 * 259_200 < 100_000_000


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "scaling.sqlite3"
    path.write_text("this is no database" * 100)
    with pytest.raises(OperationFailed, match="cannot use the record of scaling"):
        SqliteScalingRecord(path).memory()


WRITE = """
import sys
from pathlib import Path
from instancectl.adapters.sqlite.scaling_record import SqliteScalingRecord
record = SqliteScalingRecord(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    record.keep(float(number), {"number": number}, {"queues": {}}, [{"number": number}])
    print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_kept_and_leaves_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "scaling.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told = 0
        while told < 50:
            told = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        told = max([told, *(int(line) for line in child.stdout.read().split())])
    with closing(SqliteScalingRecord(path)) as record:
        memory = record.memory()
        assert memory is not None
        assert memory["number"] >= told
        assert record.decisions(0, 1e12)[-1].decision["number"] == memory["number"]
        assert record.rows(0, 1e12)[-1][0] == memory["number"]
