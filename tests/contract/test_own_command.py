"""A command that is begun goes on without whoever began it, and leaves nobody to be waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BEGIN = """
import os, sys, time
from instancectl.adapters.own_command import ChildCommand
ChildCommand(sys.argv[1]).begin("no-such-command")
assert not os.path.exists(f"/proc/self/task/{os.getpid()}/children") or not open(
    f"/proc/self/task/{os.getpid()}/children"
).read().split()
print("begun", flush=True)
time.sleep(60)
"""


def test_it_outlives_its_beginner_and_writes_where_that_one_writes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as out:
        beginner = subprocess.Popen(
            [sys.executable, "-c", BEGIN, str(tmp_path)],
            stdout=subprocess.PIPE, stderr=out, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            start_new_session=True,
        )  # fmt: skip
        assert beginner.stdout is not None
        assert beginner.stdout.readline() == b"begun\n"
        os.killpg(beginner.pid, signal.SIGKILL)
        beginner.wait(timeout=10)
        beginner.stdout.close()
    deadline = time.monotonic() + 30
    while b"no-such-command" not in log.read_bytes():
        assert time.monotonic() < deadline, log.read_bytes()
        time.sleep(0.1)
