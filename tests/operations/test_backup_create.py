"""A backup set is made whole or not at all, and what fails is told."""

from __future__ import annotations

import pytest

from instancectl.errors import Busy, InstanceError, OperationFailed, Partial, Refused, Unreachable
from tests.fakes.fuse import Killed
from tests.operations.backup_world import World


@pytest.fixture
def world():
    return World()


def test_a_set_restores_what_there_was(world):
    before = world.now
    answer = world.create()
    world.media.write("accounts/2.jpg", b"later")
    world.streams.tables["public.accounts"] = 99
    assert world.restored(answer.data["set"]) == before
    assert answer.data["media"]["files"] == 1
    assert world.journal.events() == ["backup-started", "backup-done"]


def test_who_may_write_after_the_set_is_said(world):
    (said,) = [note for note in world.create(rising=("web", "sidekiq")).notes if "may write" in note]
    assert said.startswith("`web`, `sidekiq` may write after this set")
    assert "rm --stop --force" in said
    assert not [note for note in world.create().notes if "may write" in note]


def test_the_second_run_stores_only_what_is_new(world):
    world.create()
    packs = [key for key in world.places[0].objects if key.startswith("media/packs/")]
    reads = world.media.reads
    world.media.write("accounts/2.jpg", b"two")
    world.days_pass(1)
    answer = world.create()
    assert world.media.reads == reads + 1
    assert answer.data["media"]["new_files"] == 1
    assert len([key for key in world.places[0].objects if key.startswith("media/packs/")]) == len(packs) + 1
    assert world.restored(answer.data["set"]) == world.now


def test_an_unchanged_tree_makes_no_pack(world):
    world.create()
    packs = {key for key in world.places[0].objects if key.startswith("media/packs/")}
    world.days_pass(1)
    answer = world.create()
    assert {key for key in world.places[0].objects if key.startswith("media/packs/")} == packs
    assert world.restored(answer.data["set"]) == world.now


def test_a_lost_local_index_costs_a_full_pass_and_nothing_else(world):
    world.create()
    world.index.entries = []
    world.days_pass(1)
    answer = world.create()
    assert answer.data["media"]["new_files"] == 1
    assert world.restored(answer.data["set"]) == world.now


def test_a_pack_that_is_gone_is_made_again(world):
    first = world.create().data["set"]
    pack = next(key for key in world.places[0].objects if key.startswith("media/packs/"))
    del world.places[0].objects[pack]
    world.days_pass(1)
    second = world.create().data["set"]
    assert world.restored(second) == world.now
    with pytest.raises(OperationFailed, match="missing"):
        world.restored(first)


def test_newer_packs_sort_behind_older_ones_even_when_the_clock_goes_back(world):
    world.create()
    world.media.write("accounts/1.jpg", b"newer content")
    world.days_pass(-30)
    world.create()
    contents = world.repository().look()
    newest = next(known.set for known in contents.sets if len(known.set.packs) == 1 and known.set.previous)
    packs = sorted(key for key in world.places[0].objects if key.startswith("media/packs/"))
    assert newest.packs[0].key == packs[-1]


def test_packs_of_mostly_deleted_files_are_written_anew_from_disk(world):
    for number in range(10):
        world.media.write(f"accounts/{number}.jpg", b"x" * 5000)
    first = world.create().data["set"]
    for number in range(8):
        world.media.remove(f"accounts/{number}.jpg")
    world.days_pass(1)
    world.create()
    world.days_pass(1)
    third = world.create().data["set"]
    old = {one.key for one in world.repository().read_set(first)[0].packs}
    assert not old & {one.key for one in world.repository().read_set(third)[0].packs}
    assert world.restored(third) == world.now


def test_a_file_that_changes_while_it_is_read_is_read_again(world):
    world.media.changing["accounts/1.jpg"] = 2
    answer = world.create()
    assert answer.data["unsettled"] == []
    assert world.restored(answer.data["set"]) == world.now


def test_a_file_that_never_settles_is_named(world):
    world.media.write("accounts/2.jpg", b"two")
    world.media.changing["accounts/2.jpg"] = 99
    answer = world.create()
    assert answer.data["unsettled"] == ["accounts/2.jpg"]
    assert any("accounts/2.jpg" in note for note in answer.notes)
    assert list(world.restored(answer.data["set"])["media"]) == ["accounts/1.jpg"]


def test_a_file_that_vanishes_is_no_failure(world):
    world.media.write("accounts/2.jpg", b"two")
    world.media.vanishing.add("accounts/2.jpg")
    assert world.restored(world.create().data["set"]) == world.now


def test_an_empty_volume_is_refused_and_the_old_set_stays(world):
    first, before = world.create().data["set"], world.now
    world.media.files.clear()
    world.days_pass(1)
    with pytest.raises(Refused, match="is empty, and the last set has 1 files"):
        world.create()
    assert world.sets() == [first]
    assert world.restored(first) == before
    assert world.journal.events()[-1] == "backup-failed"


def test_an_empty_volume_can_be_accepted(world):
    world.create()
    world.media.files.clear()
    world.days_pass(1)
    assert world.create("empty-media").data["media"]["files"] == 0


def test_a_database_that_shrank_is_stored_and_not_trusted(world):
    world.streams.filling = b"x" * 3_000_000
    first = world.create().data["set"]
    world.streams.filling = b""
    world.days_pass(1)
    with pytest.raises(Partial, match="the database is much smaller") as caught:
        world.create()
    assert "--accept-risk smaller" in caught.value.hint
    assert len(world.sets()) == 2
    world.days_pass(40)
    world.expire()
    assert first in world.sets()


def test_a_shrunk_database_can_be_accepted(world):
    world.streams.filling = b"x" * 3_000_000
    world.create()
    world.streams.filling = b""
    world.days_pass(1)
    assert world.create("smaller").exit_code == 0


class TestWhatFails:
    """Each leaves the old set restorable, makes no new one, and says so."""

    @pytest.fixture
    def world(self):
        world = World()
        self.first, self.before = world.create().data["set"], world.now
        world.days_pass(1)
        return world

    def fails(self, world, kind: type[InstanceError], match: str) -> None:
        with pytest.raises(kind, match=match):
            world.create()
        assert world.sets() == [self.first]
        assert world.restored(self.first) == self.before
        assert world.journal.events()[-1] == "backup-failed"

    def test_a_dump_that_fails(self, world):
        world.streams.dump_fails = "pg_dump: error: permission denied"
        self.fails(world, OperationFailed, "permission denied")

    def test_a_dump_that_is_cut(self, world):
        world.streams.filling, world.streams.cut_after = b"x" * 9000, 4000
        self.fails(world, Unreachable, "was cut")

    def test_a_dump_whose_rows_were_not_counted(self, world):
        world.streams.tables.clear()
        self.fails(world, OperationFailed, "no table")

    def test_a_redis_that_refuses(self, world):
        world.streams.redis_fails = "NOAUTH Authentication required"
        self.fails(world, OperationFailed, "NOAUTH")

    def test_a_database_that_is_down(self, world):
        world.streams.down = True
        self.fails(world, Unreachable, "no replica of `db`")

    def test_a_disk_that_is_full(self, world):
        world.media.write("large.jpg", b"x" * 50_000)
        world.places[0].room = world.places[0].used + 20_000
        self.fails(world, OperationFailed, "no space left")

    def test_another_run(self, world):
        world.lock_table["holder"] = "backup create"
        with pytest.raises(Busy):
            world.create()
        assert world.sets() == [self.first]

    def test_a_dead_destination(self, world):
        world.places[0].down = True
        with pytest.raises(Unreachable, match="place-0 does not answer"):
            world.create()
        assert world.journal.events()[-1] == "backup-failed"

    def test_a_kill_at_any_point(self, world):
        world.media.write("accounts/2.jpg", b"two")
        place, points = world.places[0], 0
        while True:
            place.fuse.blow_after(points)
            try:
                world.create()
            except Killed:
                world.lock_table.clear()
            else:
                break
            finally:
                place.fuse.mend()
            assert world.restored(self.first) == self.before
            for one in world.repository().look().sets:
                world.restored(one.id)
            points += 1
            world.days_pass(0.001)
        assert points > 15
        assert world.restored(world.sets()[-1]) == world.now


class TestTwoPlaces:
    @pytest.fixture
    def world(self):
        return World(places=2)

    def test_both_hold_the_same_set(self, world):
        answer = world.create()
        assert world.sets(0) == world.sets(1) == [answer.data["set"]]
        assert world.restored(answer.data["set"], 1) == world.now
        assert world.streams.started.count("db") == 2  # one dump, one for the roles

    def test_one_that_is_dead_is_told_and_the_other_has_the_set(self, world):
        world.create()
        world.places[1].down = True
        world.days_pass(1)
        with pytest.raises(Partial, match="not in place-1: place-1 does not answer") as caught:
            world.create()
        assert caught.value.exit_code == 8
        assert world.restored(world.sets(0)[-1], 0) == world.now

    def test_the_first_dead_means_the_second_is_written(self, world):
        world.create()
        world.places[0].down = True
        world.media.write("accounts/2.jpg", b"two")
        world.days_pass(1)
        with pytest.raises(Partial, match="not in place-0"):
            world.create()
        assert world.restored(world.sets(1)[-1], 1) == world.now

    def test_what_one_missed_is_copied_later(self, world):
        world.create()
        world.places[1].down = True
        world.media.write("accounts/2.jpg", b"two")
        world.days_pass(1)
        with pytest.raises(Partial):
            world.create()
        world.places[1].down = False
        world.days_pass(1)
        newest = world.create().data["set"]
        assert world.restored(newest, 1) == world.now

    def test_a_damaged_original_is_not_copied(self, world):
        world.create()
        world.places[1].objects.clear()
        pack = next(key for key in world.places[0].objects if key.startswith("media/packs/"))
        content = bytearray(world.places[0].objects[pack])
        content[len(content) // 2] ^= 1
        world.places[0].objects[pack] = bytes(content)
        world.days_pass(1)
        with pytest.raises(Partial, match="is not what was written"):
            world.create()
