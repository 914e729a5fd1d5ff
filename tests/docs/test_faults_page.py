"""Every fault of the list is tested, and the tests that the page names exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "explanation" / "faults.md").read_text()
ROWS = re.findall(r"^\| (F\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
NAMED = [(fault, test) for fault, cell in ROWS for test in re.findall(r"`([^`]+)`", cell)]


@cache
def written(path: Path) -> frozenset[str]:
    return frozenset(
        node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
    )


@pytest.mark.parametrize(("fault", "test"), NAMED, ids=lambda one: one.rpartition(":")[2])
def test_a_test_that_is_named_exists(fault: str, test: str) -> None:
    file, _, name = test.partition("::")
    assert name.startswith("test_")
    assert name in written(ROOT / "tests" / file), fault


def test_every_fault_of_a_backup_has_one() -> None:
    assert [int(fault[1:]) for fault, cell in ROWS if "`" in cell] == [*range(1, 46)]
