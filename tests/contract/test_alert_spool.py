"""A message that was accepted is there until it was delivered: in the fake, in SQLite, over a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from instancectl.adapters.sqlite.alert_spool import SqliteSpool
from instancectl.errors import OperationFailed
from instancectl.ports.alert_spool import MOST_WAITING, AlertSpool
from tests.fakes.alert_spool import FakeSpool

NOW = 1_800_000_000.0


@pytest.fixture(params=["fake", "sqlite"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AlertSpool]:
    if request.param == "fake":
        yield FakeSpool()
        return
    with closing(SqliteSpool(tmp_path / "state" / "messages.sqlite3")) as made:
        yield made


def test_an_empty_one_has_nothing(spool: AlertSpool) -> None:
    assert spool.due(NOW) == ()
    assert spool.waiting() == {}
    assert spool.outcomes("a") == ()


def test_a_message_waits_for_each_receiver_until_it_has_it(spool: AlertSpool) -> None:
    assert spool.accept("a", b"body", ("ntfy", "email"), NOW)
    ntfy, email = spool.due(NOW)
    assert (ntfy.key, ntfy.receiver, ntfy.body, ntfy.accepted_at, ntfy.attempts) == (
        "a",
        "ntfy",
        b"body",
        NOW,
        0,
    )
    spool.delivered(ntfy, NOW + 1)
    assert spool.due(NOW) == (email,)
    assert [(one.receiver, one.error) for one in spool.outcomes("a")] == [("ntfy", "")]


def test_a_failed_one_comes_again_later(spool: AlertSpool) -> None:
    spool.accept("a", b"body", ("ntfy",), NOW)
    spool.failed(spool.due(NOW)[0], "answered 500", NOW, NOW + 5)
    assert spool.due(NOW + 4) == ()
    assert spool.due(NOW + 5)[0].attempts == 1
    assert spool.waiting() == {"ntfy": 1}
    assert spool.outcomes("a")[0].error == "answered 500"


def test_one_that_is_given_up_is_forgotten_and_its_error_is_not(spool: AlertSpool) -> None:
    spool.accept("a", b"body", ("ntfy",), NOW)
    spool.failed(spool.due(NOW)[0], "answered 500", NOW, None)
    assert spool.waiting() == {}
    assert spool.outcomes("a")[0].error == "answered 500"


def test_the_same_news_is_not_doubled_while_it_waits(spool: AlertSpool) -> None:
    spool.accept("a", b"body", ("ntfy",), NOW)
    spool.accept("a", b"body", ("ntfy", "email"), NOW + 1)
    assert spool.waiting() == {"ntfy": 1, "email": 1}
    for one in spool.due(NOW + 1):
        spool.delivered(one, NOW + 1)
    spool.accept("a", b"body", ("ntfy",), NOW + 2)
    assert spool.waiting() == {"ntfy": 1}
    assert [one.receiver for one in spool.outcomes("a")] == ["email"]


def test_what_has_no_room_is_refused_whole(spool: AlertSpool) -> None:
    names = tuple(f"receiver-{number}" for number in range(MOST_WAITING))
    assert spool.accept("a", b"", names, NOW)
    assert not spool.accept("b", b"", ("ntfy",), NOW)
    spool.delivered(spool.due(NOW)[0], NOW)
    assert spool.accept("b", b"", ("ntfy",), NOW)
    assert not spool.accept("c", b"", ("ntfy", "email"), NOW)
    assert "email" not in spool.waiting()


ACCEPTING = """
import os, sys
from pathlib import Path
from instancectl.adapters.sqlite.alert_spool import SqliteSpool
spool = SqliteSpool(Path(sys.argv[1]))
for number in range(100000):
    spool.accept(str(number), b"body", ("ntfy",), 0.0)
    os.write(1, f"{number}\\n".encode())
"""


@pytest.mark.contract
def test_every_accepted_message_is_there_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "messages.sqlite3"
    with subprocess.Popen([sys.executable, "-c", ACCEPTING, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.read().split()
    with closing(SqliteSpool(path)) as spool:
        kept = {one.key for one in spool.due(1.0)}
        assert spool.waiting()["ntfy"] >= len(lines) >= 20
        assert "0" in kept


@pytest.mark.contract
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with closing(SqliteSpool(tmp_path / "messages.sqlite3")) as spool:
        spool.accept("a", b"body", ("ntfy",), NOW)
        assert (tmp_path / "messages.sqlite3").stat().st_mode & 0o077 == 0


@pytest.mark.contract
def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "messages.sqlite3").write_bytes(b"no database" * 100)
    with (
        closing(SqliteSpool(tmp_path / "messages.sqlite3")) as spool,
        pytest.raises(OperationFailed, match="messages"),
    ):
        spool.accept("a", b"body", ("ntfy",), NOW)
