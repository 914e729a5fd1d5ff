"""`export k8s` as a person types it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from instancectl.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_two_files_that_kubernetes_tools_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(("export", "k8s", str(tmp_path), "--release", "toot")) == 0
    values = yaml.safe_load((tmp_path / "values.yaml").read_text())
    objects = list(yaml.safe_load_all((tmp_path / "keda.yaml").read_text()))
    assert values["mastodon"]["sidekiq"]["workers"]
    assert all(one["kind"] == "ScaledObject" for one in objects)
    assert f"{len(objects)} objects for KEDA" in capsys.readouterr().out


def test_a_directory_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(("export", "k8s", str(tmp_path / "gone"))) == 1
    assert "cannot write the export" in capsys.readouterr().err
