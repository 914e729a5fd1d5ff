"""The import rules of pyproject.toml hold, and each of them is able to fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# One forbidden import per contract: file (new or existing) and the line planted in it.
PLANTS: dict[str, tuple[str, str]] = {
    "inwards": ("core/planted.py", "import instancectl.cli.render"),
    "pure": ("core/planted.py", "import time"),
    "independent-operations": (
        "operations/planted.py",
        "import instancectl.operations.planted_too",
    ),
    "no-home": ("adapters/planted.py", "import ansible"),
    "independent-adapters": ("adapters/planted.py", "import instancectl.adapters.planted_too"),
}
ONE_HOME = "one-home-"


def plant_of(contract_id: str) -> tuple[str, str]:
    """The violation for a contract; one-home contracts all get the same kind."""
    if not contract_id.startswith(ONE_HOME):
        return PLANTS[contract_id]
    protected = CONTRACTS[contract_id]["protected_modules"][0]
    return "adapters/planted.py", f"import {protected}"


def lint(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"
    return subprocess.run(
        [sys.executable, program, "--no-logo", "--no-cache", *arguments],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its rules, to be damaged."""
    shutil.copytree(
        ROOT / "instancectl",
        tmp_path / "instancectl",
        ignore=shutil.ignore_patterns("__pycache__", "_assets"),
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_rule_holds(copy: Path) -> None:
    outcome = lint(copy)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in outcome.stdout


@pytest.mark.parametrize("contract_id", CONTRACTS)
def test_a_forbidden_import_breaks_its_rule(copy: Path, contract_id: str) -> None:
    file, line = plant_of(contract_id)
    planted = copy / "instancectl" / file
    planted.write_text(f'"""Planted."""\n\n{line}\n')
    if line.endswith("planted_too"):
        planted.with_name("planted_too.py").write_text('"""Planted."""\n')
    outcome = lint(copy, "--contract", contract_id)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert f"{CONTRACTS[contract_id]['name']} BROKEN" in outcome.stdout
    assert planted.stem in outcome.stdout


def test_a_new_top_level_module_needs_a_decided_place(copy: Path) -> None:
    (copy / "instancectl" / "utils.py").write_text('"""Planted."""\n')
    outcome = lint(copy, "--contract", "inwards")
    assert outcome.returncode == 1
    assert "utils" in outcome.stdout


@pytest.mark.parametrize("contract_id", [name for name in CONTRACTS if name.startswith(ONE_HOME)])
def test_a_lazy_import_of_an_sdk_is_seen_too(copy: Path, contract_id: str) -> None:
    module = CONTRACTS[contract_id]["protected_modules"][0]
    planted = copy / "instancectl" / "adapters" / "planted.py"
    planted.write_text(f'"""Planted."""\n\n\ndef hidden() -> None:\n    import {module}\n')
    assert lint(copy, "--contract", contract_id).returncode == 1
