"""The look that is taken of a host before anything is decided, on this machine; it changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "templates" / "host" / "look.py"


def test_an_engine_from_a_snap_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "snap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "snap").chmod(0o755)
    (tmp_path / "docker").symlink_to("snap")
    done = subprocess.run(
        [sys.executable, "-I", str(PROGRAM), "none", "nobody", "22"],
        env={"PATH": str(tmp_path)}, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout)["docker_package"] == "snap"
