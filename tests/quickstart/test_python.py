"""`tools/python.sh` finds an interpreter that is new enough, or has apt bring one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"

# A system whose python3 is too old; apt brings a newer one under its own name.
OLD = """
. "$1/python.sh"
fit() { [[ $1 == python3.11 && -e $APT/python3.11 ]]; }
find_python
echo "$python"
"""
APT = """#!/bin/sh
echo "$@" >> "$APT/asked"
case "$*" in *python3.11-venv*) echo '#!/bin/sh' > "$APT/python3.11"; chmod +x "$APT/python3.11" ;; esac
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs anything")
def test_a_system_whose_python3_is_too_old_gets_the_newer_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "apt-get").write_text(APT)
    (tmp_path / "apt-get").chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", OLD, "bash", str(TOOLS)],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "APT": str(tmp_path)},
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.strip() == str(tmp_path / "python3.11")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "update -q"
    assert asked[-1].endswith("python3.11 python3.11-venv")
