"""The spool of a WAL receiver: whole segments of the right cluster, in order; on disk as in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instancectl.adapters.restoring.wal_directory import WalDirectory
from instancectl.ports.wal_spool import Segment, WalSpool
from tests.fakes.fuse import Fuse
from tests.fakes.wal import FakeSpool

pytestmark = pytest.mark.contract

NAME = "0000000100000000000000{:02X}".format
Put = Callable[[str, int, str, bytes], None]


@pytest.fixture(params=["disk", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[WalSpool, Put]:
    if request.param == "memory":
        fake = FakeSpool(Fuse())

        def remember(system: str, run: int, name: str, content: bytes) -> None:
            fake.files[system, name, run] = content

        return fake, remember

    def write(system: str, run: int, name: str, content: bytes) -> None:
        path = tmp_path / system / str(run) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return WalDirectory(lambda: str(tmp_path)), write


def test_segments_come_in_order_and_of_their_cluster_only(spool: tuple[WalSpool, Put]) -> None:
    made, put = spool
    put("7", 20, NAME(3), b"ccc")
    put("7", 10, NAME(2), b"bb")
    put("8", 10, NAME(9), b"other")
    put("7", 10, NAME(3), b"cc")
    assert made.segments("7") == (Segment(NAME(2), 10, 2), Segment(NAME(3), 10, 2), Segment(NAME(3), 20, 3))
    assert made.segments("6") == ()


def test_one_is_read_and_let_go_of(spool: tuple[WalSpool, Put]) -> None:
    made, put = spool
    put("7", 1, NAME(1), b"content")
    (segment,) = made.segments("7")
    assert b"".join(made.read("7", segment)) == b"content"
    made.remove("7", segment)
    made.remove("7", segment)
    assert made.segments("7") == ()


def test_what_is_still_received_is_none(tmp_path: Path) -> None:
    directory = tmp_path / "7" / "5"
    directory.mkdir(parents=True)
    (directory / f"{NAME(4)}.partial").write_bytes(b"half")
    (directory / "00000002.history").write_bytes(b"x")
    (tmp_path / "7" / "lost+found").mkdir()
    assert WalDirectory(lambda: str(tmp_path)).segments("7") == ()
