"""Files of a move: a cluster that changes its volume, media that catch up, the record that fences a host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from instancectl.adapters.restore_files import HandoverFile
from instancectl.adapters.restoring.volume_files import VolumeDirectory
from instancectl.core.backup.handing import Given
from instancectl.core.backup.model import BackupSet
from instancectl.errors import OperationFailed, Refused, Unhealthy
from instancectl.wiring import InstancePaths, OpenInstance, moving
from tests.contract.backup_harness import tree
from tests.contract.test_restore_files import Packed
from tests.fakes import instance
from tests.fakes.fuse import Fuse
from tests.fakes.restore import FakeHandoverRecord
from tests.fakes.volumes import FakeVolumes

GIVEN = Given("2026-11-21T140500Z-01234567", "s3://b", 1_800_000_000, maintained=True, whole=True)


class OnDisk:
    """Two volumes of two stacks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("here/db", "there/db"):
            (root / name).mkdir(parents=True)
        self.here = VolumeDirectory(lambda volume: str(root / "here" / volume), {})
        self.there = VolumeDirectory(lambda volume: str(root / "there" / volume), {})

    def put(self, where: str, name: str) -> None:
        path = self.root / where / "db" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(where.encode())

    def seen(self, where: str) -> dict[str, bytes]:
        return {name.decode(): content for name, content in tree(self.root / where / "db").items()}


class InMemory:
    def __init__(self) -> None:
        self.here, self.there = FakeVolumes(where="/here"), FakeVolumes(where="/there")
        self.here.elsewhere["/there"] = self.there

    def put(self, where: str, name: str) -> None:
        getattr(self, where).live["db"][name] = where.encode()

    def seen(self, where: str) -> dict[str, bytes]:
        return getattr(self, where).live["db"]


@pytest.fixture(params=["fake", pytest.param("disk", marks=pytest.mark.contract)])
def volumes(request: pytest.FixtureRequest, tmp_path: Path) -> OnDisk | InMemory:
    return OnDisk(tmp_path) if request.param == "disk" else InMemory()


def test_a_directory_changes_its_volume_once(volumes) -> None:
    volumes.put("there", "pgdata/1")
    volumes.put("there", "wal/1")
    origin = volumes.there.path("db", "pgdata")
    volumes.here.take("db", "pgdata", origin)
    volumes.here.take("db", "pgdata", origin)
    assert volumes.seen("here") == {"pgdata/1": b"there"}
    assert volumes.seen("there") == {"wal/1": b"there"}


def test_nothing_that_is_there_is_replaced(volumes) -> None:
    volumes.put("there", "pgdata/1")
    volumes.put("here", "pgdata/1")
    with pytest.raises(OperationFailed, match="cannot move"):
        volumes.here.take("db", "pgdata", volumes.there.path("db", "pgdata"))
    assert volumes.seen("here") == {"pgdata/1": b"here"}


def test_what_is_nowhere_cannot_be_moved(volumes) -> None:
    with pytest.raises(OperationFailed, match="cannot move"):
        volumes.here.take("db", "pgdata", volumes.there.path("db", "pgdata"))


@pytest.mark.contract
class TestCatchingUp:
    @pytest.fixture
    def media(self, tmp_path: Path) -> Packed:
        made = Packed(tmp_path)
        for number in range(40):
            path = tmp_path / "media" / f"{number % 7}" / f"{number}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(bytes([number]) * 5_000)
        (tmp_path / "media" / "link").symlink_to("1/1.jpg")
        return made

    def test_what_changed_is_fetched_and_what_is_gone_is_removed(self, media: Packed) -> None:
        media.back().run(media.pack())
        root = media.base / "media"
        (root / "1" / "1.jpg").write_bytes(b"another")
        (root / "new" / "deep").mkdir(parents=True)
        (root / "new" / "deep" / "2.jpg").write_bytes(b"new")
        (root / "3" / "3.jpg").unlink()
        (root / "link").unlink()
        (root / "link").symlink_to("new/deep/2.jpg")
        said = media.back().catch_up(self.again(media))
        assert tree(media.base / "out") == tree(root)
        assert said == "3 files fetched, 1 removed"

    def test_nothing_else_is_read(self, media: Packed) -> None:
        first = media.pack()
        media.back().run(first)
        (media.base / "media" / "late.jpg").write_bytes(b"late")
        (media.base / "media" / "link").unlink()
        (media.base / "out" / "link").unlink()
        set_ = self.again(media)
        late = {one.key for one in set_.packs}
        needed = {entry.pack for entry in self.entries(media, set_) if entry.path == b"late.jpg"}
        for path in (media.base / "sets").rglob("*.tar.age"):
            if not any(str(path).endswith(key) for key in needed):
                path.unlink()
        assert late > needed
        media.back().catch_up(set_)
        assert tree(media.base / "out") == tree(media.base / "media")

    def test_a_pack_that_is_gone_is_named(self, media: Packed) -> None:
        (media.base / "out").mkdir(exist_ok=True)
        set_ = media.pack()
        gone = set_.packs[0].key
        with pytest.raises(OperationFailed, match="which is no part of the set"):
            media.back().catch_up(replace(set_, packs=set_.packs[1:]))
        next(media.base.rglob(gone)).unlink()
        with pytest.raises(Unhealthy, match="cannot be read"):
            media.back().catch_up(set_)

    def again(self, media: Packed) -> BackupSet:
        """A second set, whose index is another object."""
        for path in (media.base / "sets").rglob("media.tsv*"):
            path.unlink()
        return media.pack()

    def entries(self, media: Packed, set_: BackupSet) -> list:
        back = media.back()
        back.read_index(set_)
        return list(back.desk.whole())


@pytest.mark.parametrize("kind", ["fake", pytest.param("file", marks=pytest.mark.contract)])
def test_a_handover_is_remembered(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "state" / "handover.json"
    record = FakeHandoverRecord(Fuse()) if kind == "fake" else HandoverFile(path)
    assert record.load() is None
    record.save(GIVEN)
    assert record.load() == GIVEN
    record.remove()
    record.remove()
    assert record.load() is None


@pytest.mark.contract
class TestTheFence:
    @pytest.fixture
    def opened(self, tmp_path: Path) -> OpenInstance:
        return OpenInstance(InstancePaths(tmp_path / "instance.toml"), instance.config())

    def test_what_would_start_something_is_refused_by_name(self, opened: OpenInstance) -> None:
        moving.refuse_handed_over(opened, "deploy")
        moving.record_of_handover(opened).save(GIVEN)
        for command in ("deploy", "launch", "maintenance off", "restore", "backup create", "tootctl"):
            with pytest.raises(Refused, match=f"cannot `{command}`: .* was handed over by this host") as told:
                moving.refuse_handed_over(opened, command)
            assert told.value.exit_code == 7
            assert "backup handover --undo" in told.value.hint
        moving.refuse_handed_over(opened, moving.HANDOVER)

    def test_a_record_that_cannot_be_read_fences_too(self, opened: OpenInstance) -> None:
        path = opened.paths.state_directory / "handover.json"
        path.parent.mkdir()
        path.write_text("{")
        with pytest.raises(OperationFailed, match="is no record of a handover"):
            moving.refuse_handed_over(opened, "deploy")
