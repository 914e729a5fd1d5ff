"""A live test that was late once is run once more, alone, and named; one that is broken fails."""

from __future__ import annotations

import sys
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
    (directory / "test_it.py").write_text(f"import pathlib\n\n{tests}")
    (directory / "pytest.ini").write_text("[pytest]\n")
    command = check.pytest(Path(sys.executable), "trial", *check.TWO, "test_it.py")
    tally = check.Tally()
    check.run_tier(check.Tier("trial", (command,), 120, directory, live), tally)
    return tally


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
