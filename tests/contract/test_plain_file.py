"""Files that a person named: read whole, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancectl.adapters import plain_file
from instancectl.errors import ConfigError, OperationFailed


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = str(tmp_path / "surge.svg")
    plain_file.write(path, "<svg/>", "the picture")
    plain_file.write(path, "<svg>2</svg>", "the picture")
    assert plain_file.read(path, "the picture") == "<svg>2</svg>"
    assert [one.name for one in tmp_path.iterdir()] == ["surge.svg"]
    assert plain_file.exists(path)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "binary"):
        with pytest.raises(ConfigError, match=f"cannot read the trace `.*{name}`"):
            plain_file.read(str(tmp_path / name), "the trace")
    assert not plain_file.exists(str(tmp_path / "missing"))


def test_a_place_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="cannot write the picture"):
        plain_file.write(str(tmp_path / "no" / "surge.svg"), "<svg/>", "the picture")
