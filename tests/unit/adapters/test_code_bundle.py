"""The code for a host: the same bytes for the same code, complete, and nothing else."""

from __future__ import annotations

import ast
import io
import re
import tarfile
from pathlib import Path

import pytest

import instancectl
from instancectl.adapters import assets, code_bundle
from instancectl.errors import OperationFailed

PACKAGE = Path(instancectl.__file__).parent


@pytest.fixture(scope="module")
def bundle():
    """Packed once."""
    return code_bundle.build(PACKAGE, assets.asset)


@pytest.fixture(scope="module")
def members(bundle):
    """Name → entry."""
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        return {entry.name: entry for entry in archive.getmembers()}


def test_every_module_and_asset_is_in_it(members):
    sources = {f"instancectl/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*.py")}
    assert {name for name in sources if "/_assets/" not in name} <= set(members)
    for kind in ("templates", "playbooks", "monitoring"):
        folder = assets.assets_directory(kind)
        files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        wanted = {f"instancectl/_assets/{kind}/{path}" for path in files if "__pycache__" not in path.parts}
        assert {name for name in wanted if "/." not in name} <= set(members)


def test_the_locked_dependencies_are_in_it_with_their_hashes(bundle):
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        lock = archive.extractfile("requirements.lock").read().decode()
    assert "--hash=sha256:" in lock
    assert re.search(r"^pydantic==", lock, re.MULTILINE)


def test_nothing_else_is_in_it(members):
    strangers = [
        name
        for name in members
        if "__pycache__" in name
        or name.endswith(".pyc")
        or not (name.startswith("instancectl/") or name == "requirements.lock")
    ]
    assert not strangers
    assert all(entry.isfile() for entry in members.values())


def test_the_same_code_is_the_same_bytes(bundle):
    assert code_bundle.build(PACKAGE, assets.asset) == bundle
    assert code_bundle.fingerprint(PACKAGE, assets.asset) == bundle.fingerprint
    owners = {(entry.uid, entry.gid, entry.uname, entry.mtime, entry.mode) for entry in _entries(bundle)}
    assert len(owners) == 1


def test_unpacked_it_packs_itself_the_same(bundle, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        archive.extractall(tmp_path, filter="data")
    there = tmp_path / "instancectl"
    assert code_bundle.build(there, assets.asset) == bundle
    (there / "errors.py").write_text("# changed\n")
    assert code_bundle.build(there, assets.asset).fingerprint != bundle.fingerprint
    assert code_bundle.build(there, assets.asset).lock_fingerprint == bundle.lock_fingerprint


def test_an_incomplete_installation_packs_nothing(bundle, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "requirements.lock").unlink()
    with pytest.raises(OperationFailed, match=r"requirements\.lock"):
        code_bundle.build(tmp_path / "instancectl", assets.asset)


def test_it_is_small(bundle):
    assert len(bundle.content) < 2_000_000


def test_the_program_that_looks_at_a_host_runs_on_an_old_python():
    program = (assets.assets_directory("templates") / "host" / "look.py").read_text()
    tree = ast.parse(program, feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {
        "fcntl", "json", "os", "pwd", "re", "shutil", "socket", "struct", "subprocess", "sys", "time",
    }  # fmt: skip
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def _entries(bundle):
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as archive:
        return archive.getmembers()
