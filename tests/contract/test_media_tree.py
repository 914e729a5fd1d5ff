"""Uploads on a disk that others write to, and the index this host keeps of them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from instancectl.adapters.media_index_file import MediaIndexFile
from instancectl.adapters.media_tree import MediaTree
from instancectl.core.backup import index
from instancectl.core.backup.index import Entry
from instancectl.errors import OperationFailed


@pytest.fixture
def tree(tmp_path: Path) -> MediaTree:
    for name in ("a/b/1", "a-b", "a/b-", "cache/remote", "a/cache/kept", "z"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return MediaTree(tmp_path, ("cache",))


def only(iterator):
    (one,) = list(iterator)
    return one


def test_files_come_in_the_order_of_the_index(tree: MediaTree) -> None:
    paths = [file.path for file in tree.walk()]
    assert paths == sorted(paths, key=index.order)
    assert set(paths) == {b"a/b/1", b"a-b", b"a/b-", b"a/cache/kept", b"z"}


def test_what_is_left_out_is_measured(tree: MediaTree) -> None:
    assert tree.left_out() == (1, len("cache/remote"))
    assert MediaTree(Path(tree.place), ("nothing",)).left_out() == (0, 0)


def test_pipes_and_sockets_are_told_and_never_opened(tree: MediaTree) -> None:
    os.mkfifo(Path(tree.place) / "pipe")
    assert b"pipe" not in [file.path for file in tree.walk()]
    assert tree.strange() == ("pipe",)


def test_a_link_is_kept_as_one_and_not_followed(tree: MediaTree) -> None:
    (Path(tree.place) / "link").symlink_to("/etc/passwd")
    (Path(tree.place) / "loop").symlink_to(".")
    links = {file.path: file for file in tree.walk() if file.kind == "l"}
    assert set(links) == {b"link", b"loop"}
    for reading in tree.read(links[b"link"]):
        assert b"".join(reading.content()) == b"/etc/passwd"


def test_a_file_is_read_as_long_as_it_was_announced(tree: MediaTree) -> None:
    file = next(one for one in tree.walk() if one.path == b"z")
    path = Path(tree.place) / "z"
    for reading in tree.read(file):
        path.write_bytes(b"much longer than before")
        assert b"".join(reading.content()) == b"m"
        assert not reading.settled()
    file = next(one for one in tree.walk() if one.path == b"z")
    for reading in tree.read(file):
        path.write_bytes(b"")
        assert b"".join(reading.content()) == bytes(file.size)
        assert not reading.settled()


def test_a_file_that_is_as_it_was_is_settled(tree: MediaTree) -> None:
    for file in tree.walk():
        for reading in tree.read(file):
            assert b"".join(reading.content()) == file.path
            assert reading.settled()


@pytest.mark.parametrize("becomes", ["nothing", "link", "pipe", "directory"])
def test_a_file_that_became_something_else_is_gone(tree: MediaTree, becomes: str) -> None:
    file = next(one for one in tree.walk() if one.path == b"z")
    path = Path(tree.place) / "z"
    path.unlink()
    if becomes == "link":
        path.symlink_to("a-b")
    elif becomes == "pipe":
        os.mkfifo(path)
    elif becomes == "directory":
        path.mkdir()
    assert list(tree.read(file)) == []


def test_a_tree_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="is the volume mounted"):
        list(MediaTree(tmp_path / "none", ()).walk())


class TestIndexFile:
    ENTRY = Entry(b"a\nb\xff", "f", 3, 4, "ab", "media/packs/x", 512, 7)

    def test_it_is_empty_at_first(self, tmp_path: Path) -> None:
        assert list(MediaIndexFile(tmp_path / "deep" / "media.tsv").known()) == []

    def test_the_next_one_counts_once_it_is_kept(self, tmp_path: Path) -> None:
        file = MediaIndexFile(tmp_path / "media.tsv")
        file.begin()
        file.add(self.ENTRY)
        assert b"".join(file.lines()) == index.line(self.ENTRY)
        assert list(file.known()) == []
        file.keep()
        assert list(file.known()) == [self.ENTRY]
        assert stat.S_IMODE((tmp_path / "media.tsv").stat().st_mode) == 0o600

    def test_an_empty_one_is_kept_too(self, tmp_path: Path) -> None:
        file = MediaIndexFile(tmp_path / "media.tsv")
        file.begin()
        assert b"".join(file.lines()) == b""
        file.keep()
        assert list(file.known()) == []

    def test_a_killed_run_leaves_the_last_one(self, tmp_path: Path) -> None:
        first = MediaIndexFile(tmp_path / "media.tsv")
        first.begin()
        first.add(self.ENTRY)
        first.keep()
        killed = MediaIndexFile(tmp_path / "media.tsv")
        killed.begin()
        list(killed.lines())
        assert list(MediaIndexFile(tmp_path / "media.tsv").known()) == [self.ENTRY]

    def test_a_damaged_rest_is_forgotten(self, tmp_path: Path) -> None:
        (tmp_path / "media.tsv").write_bytes(index.local_line(self.ENTRY) + b"\x00\x00\x00")
        assert list(MediaIndexFile(tmp_path / "media.tsv").known()) == [self.ENTRY]
