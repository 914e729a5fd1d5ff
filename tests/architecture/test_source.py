"""Rules about the source that no linter checks: sizes, start-up, words that must not occur."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "instancectl"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "_assets" not in path.parts)
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "images" not in path.parts)
SHIPPED = [
    *SOURCES,
    *(
        p
        for folder in ("templates", "playbooks", "monitoring")
        for p in (ROOT / folder).rglob("*")
        if p.is_file()
    ),
]
MAY_PRINT = {
    PACKAGE / "cli" / "render.py",
    PACKAGE / "cli" / "reference.py",
    PACKAGE / "adapters" / "port_scan" / "program.py",  # a program of its own; it tells by its output
}
HEAVY = {
    "ansible_runner", "blake3", "boto3", "botocore", "cryptography", "dns", "docker", "jinja2",
    "prometheus_client", "psutil", "pydantic", "pyrage", "requests", "starlette", "uvicorn", "yaml",
    "zstandard",
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    not SOURCES, reason="the package is hidden: the installed wheel is under test"
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(tree: ast.AST, function: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    ]


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name)
def test_a_file_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name)
def test_nothing_is_mocked(path: Path) -> None:
    modules = imported(ast.parse(path.read_text()))
    assert not {
        module for module in modules if module.split(".")[0] == "mock" or module.startswith("unittest.mock")
    }


@pytest.mark.parametrize("path", [path for path in SOURCES if path not in MAY_PRINT], ids=name)
def test_only_the_renderer_prints(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not calls(tree, "print")
    assert not re.search(r"stdout\.(buffer\.)?write|file=sys\.stdout", path.read_text())


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_the_product_does_not_know_the_testbed(path: Path) -> None:
    assert not re.search(r"test[\s_-]?bed", path.read_text(errors="replace"), re.IGNORECASE)


def test_help_loads_no_sdk() -> None:
    program = "import sys, instancectl.cli.main; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "instancectl" in loaded
    assert not HEAVY & set(loaded)


def test_the_names_of_wiring_are_found_where_type_checkers_see_them() -> None:
    """A name like its room would be the module as soon as somebody imports that."""
    source = ast.parse((PACKAGE / "wiring" / "__init__.py").read_text())
    seen = {
        alias.name: node.module
        for block in source.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    program = (
        "from instancectl import wiring\n"
        "for room, names in wiring._ROOMS.items():\n"
        "    for name in names:\n"
        "        assert getattr(wiring, name) is getattr(wiring, name), name\n"
        "        print(name, f'instancectl.wiring.{room}')"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert seen
    assert dict(line.split() for line in found.splitlines()) == seen
    assert not set(seen) & {str(module).rsplit(".", 1)[1] for module in seen.values()}


def test_every_module_says_what_it_is_responsible_for() -> None:
    silent = [name(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent
