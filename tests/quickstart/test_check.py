"""A live test that was late once is run once more, alone, and named; one that is broken fails."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"

LATE_ONCE = """
    if not (here / "late").exists():
        (here / "late").touch()
        raise TimeoutError
"""
BROKEN = """
    raise TimeoutError
"""


@pytest.fixture
def check(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import check

    check.LOGS.mkdir(exist_ok=True)
    return check


def ran(check, directory: Path, bodies: list[str], *, live: bool = True):
    tests = "".join(
        f"def test_{n}():\n    here = pathlib.Path(__file__).parent\n{b}\n" for n, b in enumerate(bodies)
    )
    tally = check.Tally()
    check.run_tier(tier(check, "trial", directory, tests, live=live), tally)
    return tally


def tier(check, name: str, directory: Path, tests: str, *, live: bool = True):
    directory.mkdir(exist_ok=True)
    (directory / "test_it.py").write_text(f"import pathlib\n\n{tests}")
    (directory / "pytest.ini").write_text("[pytest]\n")
    command = check.pytest(Path(sys.executable), name, *check.TWO, "test_it.py")
    return check.Tier(name, (command,), 120, directory, live)


def test_one_that_was_late_passes_and_is_named(check, tmp_path, capsys):
    tally = ran(check, tmp_path, ["", LATE_ONCE])
    assert (tally.passed, tally.failed, tally.unsteady) == (2, 0, ["test_it.test_1"])
    assert check.tell(tally, 1) == 0
    assert "run once more, to be explained in docs/flakes.md: test_it.test_1\n" in capsys.readouterr().out


def test_a_broken_one_fails(check, tmp_path):
    tally = ran(check, tmp_path, ["", LATE_ONCE, BROKEN])
    assert (tally.passed, tally.failed, tally.unsteady) == (1, 2, [])
    assert tally.failures == ["trial"]


def test_many_are_no_accident(check, tmp_path):
    late = [LATE_ONCE.replace("late", f"late{number}") for number in range(check.UNSTEADY_AT_MOST + 1)]
    assert ran(check, tmp_path, late).failed == len(late)


def test_without_servers_nothing_may_be_late(check, tmp_path):
    assert ran(check, tmp_path, ["", LATE_ONCE], live=False).failed == 1


MET = """
import time

def test_it():
    here = pathlib.Path(__file__).parent
    (here / "here").touch()
    deadline = time.monotonic() + 60
    while not (here.parent / OTHER / "here").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
"""


def test_two_tiers_side_by_side_are_counted_apart(check, tmp_path, capsys):
    tiers = [
        tier(check, name, tmp_path / name, MET.replace("OTHER", repr(other)))
        for name, other in (("one", "two"), ("two", "one"))
    ]
    tally = check.Tally()
    check.run_side_by_side(tiers, tally)
    assert (tally.passed, tally.failed) == (2, 0)
    said = sorted(line.split()[0] for line in capsys.readouterr().out.splitlines())
    assert said == ["one", "two"]


def test_an_interrupt_ends_both(check, tmp_path):
    forever = "import time\n\ndef test_it():\n    time.sleep(300)\n"
    tiers = [tier(check, name, tmp_path / name, forever) for name in ("one", "two")]
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys\nsys.path.insert(0, {str(TOOLS)!r})\nimport check\nfrom pathlib import Path\n"
        f"tiers = [check.Tier(name, (tuple(command),), 120, Path(here)) for name, command, here in "
        f"{[(one.name, one.commands[0], str(one.here)) for one in tiers]!r}]\n"
        "try:\n    check.run_side_by_side(tiers, check.Tally())\nexcept KeyboardInterrupt:\n    sys.exit(7)\n"
    )
    process = subprocess.Popen([sys.executable, str(program)], start_new_session=True)
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 7
