"""The look with which every playbook run begins, on this machine; it needs no Docker and changes nothing."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).resolve().parents[2] / "playbooks" / "roles" / "preflight" / "files" / "look.py"
NOTHING: dict[str, Any] = {
    "files": [], "marks": {}, "directories": [], "packages": [], "units": [], "admin_user": "no-such-user",
    "admin_keys": ["ssh-ed25519 AAAA eve"], "mounts": [], "venv": "venv-x", "release": "r",
}  # fmt: skip


def look(**wanted: object) -> dict[str, Any]:
    request = json.dumps({**NOTHING, **wanted})
    done = subprocess.run(
        [sys.executable, "-I", str(PROGRAM), request], capture_output=True, check=True, timeout=120
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def line(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    mode = f"{path.stat().st_mode & 0o7777:04o}"
    return f"{digest} {mode} {getpass.getuser()} {path.group()} {path}"


def test_a_file_is_described_and_a_missing_or_linked_one_is_not(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("content")
    file.chmod(0o640)
    link.symlink_to(file)
    assert look(files=[str(file), str(link), str(tmp_path / "none")])["files"] == [line(file)]


def test_a_directory_is_described_by_numbers(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    found = look(directories=[str(tmp_path), str(tmp_path / "none")])["directories"]
    assert found == [f"0750 {os.getuid()} {tmp_path.stat().st_gid} {tmp_path}"]


def test_a_mark_holds_while_its_files_do(tmp_path: Path) -> None:
    file, mark = tmp_path / "file", tmp_path / "mark"
    file.write_text("old")
    mark.write_text("told")

    def seen(wanted: str) -> tuple[list[str], list[str]]:
        marks = {
            "docker": {"path": str(mark), "line": line(mark) if mark.exists() else "", "files": [wanted]}
        }
        found = look(files=[str(file), str(mark)], marks=marks)
        return found["stale"], found["void_marks"]

    as_it_is = line(file)
    assert seen(as_it_is) == ([], [])
    assert seen("another") == (["docker"], [str(mark)])
    mark.unlink()
    assert seen(as_it_is) == (["docker"], [])


def test_an_account_that_is_not_there_lacks_every_key() -> None:
    found = look()["admin"]
    assert not found["exists"]
    assert found["missing"] == NOTHING["admin_keys"]


def test_what_is_not_installed_or_not_mounted_is_missing(tmp_path: Path) -> None:
    found = look(packages=["no-package-of-that-name"], mounts=["/", str(tmp_path)])
    assert found["packages_missing"] == ["no-package-of-that-name"]
    assert found["unmounted"] == [str(tmp_path)]
