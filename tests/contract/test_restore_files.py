"""Where restored files go: the fakes and the disk behave alike; killed moves are ended by the next."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.adapters.backup_figures import FiguresFile
from instancectl.adapters.destinations.directory import DirectoryDestination
from instancectl.adapters.media_index_file import MediaIndexFile
from instancectl.adapters.media_tree import MediaTree
from instancectl.adapters.restore_files import InstanceDirectory, RecordFile
from instancectl.adapters.restoring.media_target import MediaDirectory
from instancectl.adapters.restoring.restore_desk import DeskDirectory
from instancectl.adapters.restoring.volume_files import VolumeDirectory
from instancectl.core.backup import aside
from instancectl.core.backup.aside import RESTORED
from instancectl.core.backup.figures import Figures
from instancectl.core.backup.model import BackupSet, Media
from instancectl.core.backup.restoring import Phase, Record
from instancectl.errors import OperationFailed, Unhealthy
from instancectl.operations.backup.media import MediaRun
from instancectl.operations.backup.media_back import MediaBack
from instancectl.operations.backup.opening import Opener
from instancectl.operations.backup.writing import Throttle, Writer
from tests.contract.backup_harness import tree
from tests.fakes.backup_figures import FakeFigures
from tests.fakes.clock import FakeClock
from tests.fakes.progress import FakeProgress
from tests.fakes.volumes import FakeDesk, FakeVolumes

CACHE = frozenset({"cache"})


class OnDisk:
    """A volume on disk, seen as the fake shows its own."""

    def __init__(self, root: Path) -> None:
        self.root = root / "media"
        self.root.mkdir()
        self.files = VolumeDirectory(lambda volume: str(root / volume), {})

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def seen(self) -> dict[str, bytes]:
        return {name.decode(): content for name, content in tree(self.root).items()}

    @property
    def live(self) -> dict[str, bytes]:
        return {name: content for name, content in self.seen().items() if not name.startswith(".instancectl")}


class InMemory:
    def __init__(self) -> None:
        self.files = FakeVolumes()

    def put(self, name: str, content: bytes) -> None:
        self.files.live["media"][name] = content

    @property
    def live(self) -> dict[str, bytes]:
        return self.files.live["media"]


@pytest.fixture(params=["fake", pytest.param("disk", marks=pytest.mark.contract)])
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> OnDisk | InMemory:
    made = OnDisk(tmp_path) if request.param == "disk" else InMemory()
    for name in ("accounts/old.jpg", "site/logo.png", "cache/remote.jpg"):
        made.put(name, b"old")
    return made


def stage(volume: OnDisk | InMemory) -> None:
    for name in ("accounts/new.jpg", "top.txt"):
        with volume.files.create("media", f"{RESTORED}/{name}") as sink:
            sink.write(b"new")


def test_what_was_restored_becomes_live_and_goes_back(volume) -> None:
    stage(volume)
    before = dict(volume.live)
    volume.files.set_in("media", CACHE)
    after = {"accounts/new.jpg": b"new", "top.txt": b"new", "cache/remote.jpg": b"old"}
    assert volume.live == after
    volume.files.set_in("media", CACHE)
    assert volume.live == after
    volume.files.set_back("media", CACHE)
    assert volume.live == before
    volume.files.set_back("media", CACHE)
    assert volume.live == before
    volume.files.drop("media")
    assert volume.live == before


def test_after_drop_there_is_nothing_to_go_back_to(volume) -> None:
    stage(volume)
    volume.files.set_in("media", CACHE)
    after = dict(volume.live)
    volume.files.drop("media")
    volume.files.set_back("media", CACHE)
    assert volume.live == after


def test_a_file_that_was_not_finished_is_not_there(volume) -> None:
    def half() -> None:
        with volume.files.create("media", "dump") as sink:
            sink.write(b"half")
            raise OperationFailed("the stream is cut short")

    with pytest.raises(OperationFailed, match="cut short"):
        half()
    assert "dump" not in volume.live
    with volume.files.create("media", "dump") as sink:
        sink.write(b"whole")
    assert volume.live["dump"] == b"whole"
    volume.files.remove("media", "dump")
    assert "dump" not in volume.live
    assert volume.files.free_bytes("media") > 0


@pytest.mark.contract
class TestMovesThatWereKilled:
    """Every rename of a swap is a place to die at."""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> OnDisk:
        made = OnDisk(tmp_path)
        for name in ("accounts/old.jpg", "site/logo.png", "cache/remote.jpg"):
            made.put(name, b"old")
        stage(made)
        return made

    def killed(self, monkeypatch: pytest.MonkeyPatch, after: int, what) -> bool:
        """Whether it died; `after` renames work."""
        left, rename = [after], Path.rename

        def dying(self: Path, target: Path) -> Path:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return rename(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", dying)
            try:
                what()
            except KeyboardInterrupt:
                return True
        return False

    @pytest.mark.parametrize("after", range(9))
    @pytest.mark.parametrize("then", ["in", "back"])
    def test_set_in(self, disk: OnDisk, monkeypatch: pytest.MonkeyPatch, after: int, then: str) -> None:
        before = dict(disk.live)
        self.killed(monkeypatch, after, lambda: disk.files.set_in("media", CACHE))
        if then == "in":
            disk.files.set_in("media", CACHE)
            wanted = {"accounts/new.jpg": b"new", "top.txt": b"new", "cache/remote.jpg": b"old"}
            assert disk.live == wanted
        disk.files.set_back("media", CACHE)
        assert disk.live == before

    @pytest.mark.parametrize("after", range(9))
    def test_set_back(self, disk: OnDisk, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        before = dict(disk.live)
        disk.files.set_in("media", CACHE)
        self.killed(monkeypatch, after, lambda: disk.files.set_back("media", CACHE))
        disk.files.set_back("media", CACHE)
        assert disk.live == before
        disk.files.set_in("media", CACHE)
        assert disk.live["accounts/new.jpg"] == b"new"

    def test_only_root_may_enter_what_lies_beside(self, disk: OnDisk) -> None:
        assert (disk.root / RESTORED).stat().st_mode & 0o777 == 0o700
        disk.files.set_in("media", CACHE)
        assert (disk.root / aside.BEFORE).stat().st_mode & 0o777 == 0o700
        found = [one.path for one in MediaTree(disk.root, ()).walk()]
        assert not any(path.startswith(b".instancectl") for path in found)


@pytest.mark.contract
class TestWhoseTheyAre:
    """A volume that was never mounted is root's, and stays root's once something lies in it."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for name in ("redis", "media"):
            (tmp_path / name).mkdir(mode=0o755)
        return tmp_path

    def test_redis_may_read_what_was_restored_and_write_beside_it(self, root: Path) -> None:
        files = VolumeDirectory(lambda volume: str(root / volume))
        with files.create("redis", f"{RESTORED}/appendonlydir/a.aof.1.base.rdb") as sink:
            sink.write(b"REDIS")
        assert (root / "redis" / RESTORED).stat().st_uid == 0
        files.set_in("redis", frozenset())
        live = (".", "appendonlydir", "appendonlydir/a.aof.1.base.rdb")
        assert {(root / "redis" / name).stat().st_uid for name in live} == {999}
        assert (root / "redis" / aside.BEFORE).stat().st_uid == 0

    def test_a_redis_that_begins_empty_may_write(self, root: Path) -> None:
        VolumeDirectory(lambda volume: str(root / volume)).set_in("redis", frozenset())
        assert (root / "redis").stat().st_uid == 999

    def test_mastodon_may_make_directories_beside_restored_media(self, root: Path) -> None:
        VolumeDirectory(lambda volume: str(root / volume)).set_in("media", CACHE)
        assert (root / "media").stat().st_uid == 991


class Packed:
    """Media packed from one directory, to be restored into another."""

    def __init__(self, base: Path) -> None:
        self.crypto, self.base = BackupCrypto(), base
        self.identity, self.recipient = self.crypto.new_identity()
        for name in ("media", "sets", "out"):
            (base / name).mkdir()
        self.destination = DirectoryDestination(base / "sets", "x.example")

    def pack(self, pack_bytes: int = 40_000) -> BackupSet:
        clock = FakeClock()
        writer = Writer(
            "s", self.destination, self.crypto, [self.recipient], FakeProgress(), Throttle(clock, 0)
        )
        index = MediaIndexFile(self.base / "state.tsv")
        packed = MediaRun(MediaTree(self.base / "media", ()), index, writer, {}, 0, pack_bytes).run()
        return BackupSet(
            "s", "x.example", 1, "1", "4.6.3", (self.recipient,), (packed.part,), packed.packs, Media()
        )

    def back(self, **options) -> MediaBack:
        opener = Opener(self.destination, self.crypto, self.identity, FakeProgress())
        target = MediaDirectory(lambda: self.base / "out", lambda root: MediaTree(root, ()).walk(), None)
        return MediaBack(opener, DeskDirectory(self.base / "desk"), target, **options)


ODD = (
    b"plain.jpg", b"a b/c\td.png", b"new\nline", b"-dash", "ümläut/ß".encode(), b"\xff\xfe latin", b"x" * 255,
    b"/".join([b"deep"] * 60) + b"/f", b"back\\slash", b"empty",
)  # fmt: skip


@pytest.mark.contract
class TestMedia:
    @pytest.fixture
    def media(self, tmp_path: Path) -> Packed:
        made = Packed(tmp_path)
        root = tmp_path / "media"
        for number, name in enumerate(ODD):
            path = root / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"" if name == b"empty" else os.urandom(7_000 * (number % 4) + 1))
        (root / "link").symlink_to("plain.jpg")
        (root / ("l" * 120)).symlink_to("t" * 150)
        with (root / "sparse").open("wb") as file:
            file.truncate(300_000)
        return made

    def test_odd_names_links_and_sizes_come_back_as_they_were(self, media: Packed) -> None:
        set_ = media.pack()
        assert len(set_.packs) > 2
        said = media.back().run(set_)
        assert tree(media.base / "out") == tree(media.base / "media")
        assert said.startswith(f"{len(ODD) + 3} files")
        times = [(path.lstat().st_mtime_ns) for path in sorted((media.base / "media").rglob("*.jpg"))]
        assert [path.lstat().st_mtime_ns for path in sorted((media.base / "out").rglob("*.jpg"))] == times

    def test_a_second_run_unpacks_nothing_again(self, media: Packed) -> None:
        set_ = media.pack()
        media.back().run(set_)
        for path in (media.base / "sets").rglob("*.tar.age"):
            path.rename(path.with_suffix(".gone"))
        with pytest.raises(Unhealthy, match="cannot be read"):
            media.back().run(set_)  # the pack with links is read again, and only that
        done = list((media.base / "desk" / "done").iterdir())
        assert len(done) == len(set_.packs) - len(self.packs_with_links(media))

    def packs_with_links(self, media: Packed) -> set[str]:
        desk = DeskDirectory(media.base / "desk")
        return {entry.pack for entry in desk.whole() if entry.kind == "l"}

    def test_a_pack_that_is_damaged_is_named_and_can_be_done_without(self, media: Packed) -> None:
        set_ = media.pack()
        path = min((media.base / "sets").rglob("*.tar.age"))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(Unhealthy, match=path.name) as caught:
            media.back().run(set_)
        assert caught.value.subject == set_.packs[0].key
        assert "lost with 1 packs" in media.back(accept=True).run(set_)
        assert not list((media.base / "out").glob(".*"))

    def test_swapped_packs_are_found(self, media: Packed) -> None:
        set_ = media.pack()
        first, second, *_ = sorted((media.base / "sets").rglob("*.tar.age"))
        other = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(other)
        with pytest.raises(Unhealthy):
            media.back().run(set_)

    def test_a_path_that_leads_out_is_refused(self, media: Packed) -> None:
        back = media.back()
        set_ = media.pack()
        back.read_index(set_)
        desk = FakeDesk()
        for entry in back.desk.whole():
            desk.add(replace(entry, path=b"../out.jpg") if entry.path == b"plain.jpg" else entry)
        desk.close()
        back.desk = desk
        with pytest.raises(Unhealthy, match="leads out of the media"):
            back.run(set_)
        assert not (media.base / "out.jpg").exists()

    def test_a_directory_that_became_a_link_is_not_followed(self, media: Packed) -> None:
        set_ = media.pack()
        (media.base / "elsewhere").mkdir()
        (media.base / "out" / "deep").symlink_to(media.base / "elsewhere")
        with pytest.raises(OperationFailed, match="file exists"):
            media.back().run(set_)
        assert not list((media.base / "elsewhere").iterdir())


@pytest.mark.contract
class TestSmallFiles:
    def test_a_record_survives_and_a_broken_one_is_said(self, tmp_path: Path) -> None:
        record = RecordFile(tmp_path / "state" / "restore.json")
        assert record.load() is None
        wanted = Record("x", True, 5, schema=("a", "b"), kept=True).with_done(Phase.DATA)
        record.save(wanted)
        assert RecordFile(tmp_path / "state" / "restore.json").load() == wanted
        (tmp_path / "state" / "restore.json").write_text("{")
        with pytest.raises(OperationFailed, match="no record of a restore"):
            record.load()
        record.remove()
        assert record.load() is None

    def test_settings_are_private_and_nothing_is_overwritten(self, tmp_path: Path) -> None:
        files = InstanceDirectory(tmp_path / "instance")
        assert files.put("secrets.env", b"one") == ""
        assert files.put("secrets.env", b"one") == ""
        assert files.put("secrets.env", b"two") == "secrets.env.before-restore"
        assert files.put("../../etc/passwd", b"three") == ""
        found = {path.name: path.read_bytes() for path in (tmp_path / "instance").iterdir()}
        assert found == {"secrets.env": b"two", "secrets.env.before-restore": b"one", "passwd": b"three"}
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "instance").iterdir())


@pytest.mark.parametrize("kind", ["fake", pytest.param("file", marks=pytest.mark.contract)])
def test_figures_are_remembered(kind: str, tmp_path: Path) -> None:
    figures = FakeFigures() if kind == "fake" else FiguresFile(tmp_path / "state" / "backup.json")
    assert figures.load() == Figures()
    figures.change(lambda kept: Figures(success=5, attempt=kept.attempt + 1))
    figures.change(lambda kept: Figures(success=kept.success, attempt=kept.attempt + 1))
    assert figures.load() == Figures(success=5, attempt=2)
