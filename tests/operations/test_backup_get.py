"""Get: one thing out of a set, and nothing else is touched."""

from __future__ import annotations

import pytest

from instancectl.core.backup import picking, reviving
from instancectl.core.backup.index import Entry
from instancectl.errors import OperationFailed, Refused, Unhealthy
from instancectl.operations.backup.get import Getting, get
from instancectl.operations.backup.opening import Opener
from tests.fakes.fuse import Fuse
from tests.fakes.private_file import FakePrivateFile
from tests.fakes.volumes import FakeDesk, FakeMediaTarget, FakeVolumes
from tests.operations.restore_world import Source

ATTACHMENT = "media_attachments/files/000/000/077/original/a.png"
AVATAR = "accounts/avatars/000/000/005/x.png"
ATTACHMENTS = (
    b"SET x;\n\nCOPY public.media_attachments (id, account_id, file_file_name) FROM stdin;\n"
    b"77\t5\ta.png\n78\t6\tb.png\n\\.\n\n"
)


class World:
    def __init__(self) -> None:
        self.source = Source()
        for path in (ATTACHMENT, AVATAR):
            self.source.media.write(path, path.encode())
        self.source.create()
        self.volumes = FakeVolumes(Fuse())
        self.target, self.desk = FakeMediaTarget(self.volumes), FakeDesk()
        self.file = FakePrivateFile()
        self.source.streams.commands = {picking.table_argv(picking.ATTACHMENTS): ATTACHMENTS}

    def get(self, what: str, name: str = "", set_id: str = "latest"):
        source = self.source
        opener = Opener(source.places[0], source.sealing, source.identity, source.progress)
        return get(
            Getting(
                repository=source.repository(),
                opener=opener,
                desk=self.desk,
                target=self.target,
                file=self.file,
                streams=source.streams,
                volumes=self.volumes,
                stack="social-example",
            ),
            set_id,
            what,
            name,
        )

    @property
    def got(self) -> dict[str, bytes]:
        return dict(self.volumes.restored["media"])


@pytest.fixture
def world():
    return World()


def test_the_secrets(world):
    world.get("secrets")
    assert world.file.read() == "SECRET_KEY_BASE=x\n"


def test_one_file_or_all_below_a_path(world):
    world.get("media", "accounts/07/a.jpg")
    assert world.got == {"accounts/07/a.jpg": b"media 7" * 7}
    other = World()
    other.get("media", "accounts/")
    files = map(bytes.decode, other.source.media.files)
    assert set(other.got) == {path for path in files if path.startswith("accounts/")}
    assert not other.desk.entries


class TestAlone:
    """A file whose pack is much larger is fetched alone."""

    @pytest.fixture
    def world(self):
        made = World()
        made.source.media.write("large.bin", b"x" * 9_000)
        for path in (ATTACHMENT, AVATAR):
            made.source.media.write(path, path.encode() * 2)
        made.source.clock.sleep(60)
        made.source.create()
        return made

    def test_it_is_what_was_packed(self, world):
        world.get("media", ATTACHMENT)
        assert world.got == {ATTACHMENT: ATTACHMENT.encode() * 2}

    def test_most_of_a_pack_comes_with_the_pack(self, world):
        world.get("media", "large.bin")
        assert world.got == {"large.bin": b"x" * 9_000}

    def test_a_flipped_bit_is_named(self, world):
        place = world.source.places[0]
        for key in [key for key in place.objects if key.startswith("media/packs/")]:
            content = place.objects[key]
            flipped = content.replace(ATTACHMENT.encode() * 2, ATTACHMENT.encode() + b"?" * len(ATTACHMENT))
            place.objects[key] = flipped
        with pytest.raises(Unhealthy, match="is not what was packed"):
            world.get("media", ATTACHMENT)
        assert not world.got


def test_the_media_of_an_account(world):
    world.get("account", "5")
    assert set(world.got) == {ATTACHMENT, AVATAR}
    assert reviving.DUMP_FILE not in world.volumes.live["db"]


def test_a_table(world):
    world.get("table", "public.media_attachments")
    assert "77\t5\ta.png" in world.file.read()
    assert reviving.DUMP_FILE not in world.volumes.live["db"]


@pytest.mark.parametrize("name", ["x; rm -rf /", "--help", "a.b.c", ""])
def test_what_is_no_name_of_a_table_is_refused(world, name):
    with pytest.raises(Refused):
        world.get("table", name)


def test_what_is_there_is_not_overwritten(world):
    world.file.create("mine")
    with pytest.raises(Refused, match="exists; nothing was changed"):
        world.get("secrets")
    assert world.file.read() == "mine"


def test_what_the_set_does_not_hold(world):
    with pytest.raises(OperationFailed, match="holds nothing of it"):
        world.get("media", "accounts/nobody.jpg")


def test_a_missing_object_is_named(world):
    key = next(key for key in world.source.places[0].objects if "/configuration" in key)
    del world.source.places[0].objects[key]
    with pytest.raises(Unhealthy, match="is missing"):
        world.get("secrets")


def test_ids_are_kept_in_groups_of_three_digits():
    assert picking.partitions("5") == ("000/000/005", "000/000/000/000/000/005")
    assert picking.partitions("109876543210987654") == ("109/876/543/210/987/654",)


def test_below_means_below():
    entry = Entry(b"a/b/c.jpg", "f", 1, 1, "", "", 0)
    assert picking.below(entry, frozenset({b"a/"}))
    assert picking.below(entry, frozenset({b"a/b/c.jpg"}))
    assert not picking.below(entry, frozenset({b"a/b", b"a/b/c", b"b/"}))
