"""A person at a terminal, who answers what is asked."""

from __future__ import annotations

import os
import pty
import select
import sys
import termios
import time
from pathlib import Path

SECRET = "correct-horse-battery"
"""An answer that nobody may see: it is typed once the terminal no longer shows what is typed."""


def typed(here: Path, answers: list[tuple[str, str]], *words: str) -> tuple[int, str]:
    """Run on a terminal; wait for each question before its answer is typed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(here)
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        os.execv(sys.executable, [sys.executable, "-m", "instancectl", *words])  # noqa: S606
    seen, asked = "", 0
    deadline = time.monotonic() + 60
    pending = list(answers)
    while time.monotonic() < deadline:
        if pending and pending[0][0] in seen[asked:]:
            question, answer = pending.pop(0)
            asked = seen.index(question, asked) + len(question)
            while answer == SECRET and termios.tcgetattr(terminal)[3] & termios.ECHO:
                time.sleep(0.01)
            os.write(terminal, answer.encode() + b"\n")
        ready, _, _ = select.select([terminal], [], [], 0.2)
        try:
            data = os.read(terminal, 4096) if ready else None
        except OSError:  # the other side of a terminal that was closed
            break
        if data == b"":
            break
        seen += data.decode(errors="replace") if data else ""
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert not pending, f"never asked {pending[0][0]!r}; saw {seen}"
    return os.waitstatus_to_exitcode(status), seen
