"""Builds the wheel and a place where it is tested as installed: no source package in sight.

    tools/wheel.py DIRECTORY

makes DIRECTORY/dist (the wheel), DIRECTORY/venv (the wheel installed, development tools borrowed
from the running interpreter's venv) and DIRECTORY/checkout (tests and documents, without the package).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ("templates", "playbooks", "monitoring")
BESIDE_THE_PACKAGE = ("tests", "docs", "tools", *ASSETS)


def main() -> None:
    """Build, install, verify what the wheel carries."""
    target = Path(sys.argv[1])
    wheel = build(target / "dist")
    verify(wheel)
    install(wheel, target / "venv")
    copy_tests(target / "checkout")
    print(f"{wheel.name}: built, complete, installed")


def build(directory: Path) -> Path:
    """Build with the pinned hatchling of this venv; nothing is downloaded."""
    shutil.rmtree(directory, ignore_errors=True)
    command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    subprocess.run([sys.executable, *command], check=True)
    (wheel,) = directory.glob("*.whl")
    return wheel


def verify(wheel: Path) -> None:
    """Every source file and every asset is in the wheel, and nothing of the tests."""
    carried = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "instancectl").rglob("*.py")}
    for folder in ASSETS:
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        wanted |= {f"instancectl/_assets/{path.relative_to(ROOT)}" for path in files if path.name[0] != "."}
    wanted.add("instancectl/_assets/requirements.lock")  # hosts get their dependencies by it
    missing = {name for name in wanted - carried if "/_assets/" not in name or "__pycache__" not in name}
    strangers = {name for name in carried if name.startswith(("tests/", "tools/", "docs/"))}
    if missing or strangers:
        sys.exit(f"wheel lacks {sorted(missing)}, carries {sorted(strangers)}")


def install(wheel: Path, directory: Path) -> None:
    """A venv with the wheel; its dependencies are the locked ones of this venv, by a path file."""
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    python = directory / "bin" / "python"
    (packages,) = directory.glob("lib/python*/site-packages")
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install, str(wheel)], check=True)


def copy_tests(directory: Path) -> None:
    """Tests and what they read, beside no package: an import can only find the installed one."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in BESIDE_THE_PACKAGE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "requirements.lock"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, directory)


if __name__ == "__main__":
    main()
