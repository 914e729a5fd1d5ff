"""A lock: in memory and on disk."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from instancectl.adapters.file_lock import FileLock
from instancectl.errors import Busy, OperationFailed
from tests.fakes.lock import FakeLock

HOLD = (
    "import sys, time; from pathlib import Path; from instancectl.adapters.file_lock import FileLock\n"
    "with FileLock(Path(sys.argv[1])).hold('deploy'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)"
)


@pytest.fixture(params=["fake", "real"])
def locks(request, tmp_path):
    """Two runs that want the same lock."""
    table: dict[str, str] = {}
    if request.param == "fake":
        return FakeLock(table), FakeLock(table)
    return FileLock(tmp_path / "state/lock"), FileLock(tmp_path / "state/lock")


def test_one_at_a_time(locks):
    one, other = locks
    with one.hold("deploy"), pytest.raises(Busy, match="`deploy`"), other.hold("backup"):
        pytest.fail("both hold it")


def test_it_is_free_again_afterwards(locks):
    one, other = locks
    for lock in (one, other, one):
        with lock.hold("deploy"):
            pass


def test_it_is_free_again_when_its_holder_failed(locks):
    one, other = locks
    with pytest.raises(ZeroDivisionError), one.hold("deploy"):
        raise ZeroDivisionError
    with other.hold("deploy"):
        pass


def test_a_refused_run_does_not_free_it(locks):
    one, other = locks
    with one.hold("deploy"):
        for _ in range(2):
            with pytest.raises(Busy), other.hold("backup"):
                pass


class TestOnDisk:
    @pytest.fixture
    def holder(self, tmp_path):
        path = tmp_path / "state" / "lock"
        run = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
        assert run.stdout.readline() == "held\n"
        yield run
        run.kill()
        run.communicate()

    def test_who_since_when_and_why_are_named(self, tmp_path, holder):
        with pytest.raises(Busy) as caught, FileLock(tmp_path / "state/lock").hold("backup"):
            pass
        error = caught.value
        assert error.exit_code == 5
        assert re.search(
            rf"\S+@\S+ \(process {holder.pid}\) holds the lock since 20\d\d-\d\d-\d\dT\S+ for `deploy`",
            error.message,
        )
        assert "instancectl journal" in error.hint
        assert error.subject.endswith("state/lock")

    def test_the_kernel_frees_it_when_its_holder_is_killed(self, tmp_path, holder):
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with FileLock(tmp_path / "state/lock").hold("backup"):
            pass

    def test_a_child_of_the_holder_does_not_inherit_it(self, tmp_path):
        path = tmp_path / "state" / "lock"
        sleeping = [sys.executable, "-c", "import time; print(flush=True); time.sleep(30)"]
        with FileLock(path).hold("deploy"):
            child = subprocess.Popen(sleeping, close_fds=False, stdout=subprocess.PIPE)
            child.stdout.readline()
        try:
            with FileLock(path).hold("backup"):
                pass
        finally:
            child.kill()
            child.communicate()

    def test_a_longer_holder_before_leaves_nothing_behind(self, tmp_path):
        lock = FileLock(tmp_path / "state" / "lock")
        with lock.hold("x" * 500):
            pass
        with (
            lock.hold("short"),
            pytest.raises(Busy, match="for `short`"),
            FileLock(tmp_path / "state/lock").hold("y"),
        ):
            pass

    def test_nobody_else_may_read_it(self, tmp_path):
        with FileLock(tmp_path / "state" / "lock").hold("deploy"):
            assert (tmp_path / "state" / "lock").stat().st_mode & 0o077 == 0

    def test_a_directory_that_cannot_be_written_is_an_error_with_a_hint(self, tmp_path):
        (tmp_path / "state").write_text("in the way")
        lock = FileLock(tmp_path / "state" / "lock")
        with pytest.raises(OperationFailed, match="cannot open the lock") as caught, lock.hold("deploy"):
            pass
        assert "sudo" in caught.value.hint
