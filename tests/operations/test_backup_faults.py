"""Faults of host, clock and media that are nobody's first thought; each leaves the older sets whole."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from instancectl.adapters.media_index_file import MediaIndexFile
from instancectl.adapters.media_tree import MediaTree
from instancectl.errors import InstanceError
from tests.operations.backup_world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("seed", range(6))
def test_a_clock_that_jumps_loses_nothing_and_collects_nothing_that_is_needed(seed: int) -> None:
    """A day back, a day ahead, or right, from one night to the next."""
    world, chance = World(), random.Random(seed)
    world.places[0].lock_days = chance.choice((0, 5))
    truth: dict[str, dict[str, object]] = {}
    for number in range(40):
        world.media.write(f"accounts/{number % 7}.jpg", chance.randbytes(50))
        now = world.now
        made = world.create().data["set"]
        assert made not in truth
        truth[made] = now
        world.expire()
        assert made in world.sets()
        assert {one: world.restored(one) for one in world.sets()} == {one: truth[one] for one in world.sets()}
        world.days_pass(1 + chance.choice((-1, 0, 0, 1)) * 0.999)
    assert len(world.sets()) < 40


class TestRememberedMedia:
    """Against a real tree and the real index of this host."""

    @pytest.fixture
    def tree(self, world: World, tmp_path: Path) -> Path:
        root = tmp_path / "media"
        root.mkdir()
        (root / "a.jpg").write_bytes(b"first")
        world.media = MediaTree(root, ())
        world.index = MediaIndexFile(tmp_path / "state" / "media.tsv")
        return root

    def media(self, world: World, set_id: str) -> dict[str, bytes]:
        return world.restored(set_id)["media"]

    def test_another_content_of_the_same_size_and_time_is_seen(self, world: World, tree: Path) -> None:
        old = world.create().data["set"]
        before = (tree / "a.jpg").stat()
        (tree / "a.jpg").write_bytes(b"other")
        os.utime(tree / "a.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
        world.days_pass(1)
        new = world.create().data["set"]
        assert self.media(world, new) == {"a.jpg": b"other"}
        assert self.media(world, old) == {"a.jpg": b"first"}

    def test_a_new_owner_is_no_new_content(self, world: World, tree: Path) -> None:
        world.create()
        (tree / "a.jpg").chmod(0o600)
        world.days_pass(1)
        answer = world.create()
        assert answer.data["media"]["new_files"] == 0
        assert self.media(world, answer.data["set"]) == {"a.jpg": b"first"}

    def test_an_index_of_another_host_costs_time_and_no_file(self, world: World, tree: Path) -> None:
        old = world.create().data["set"]
        path = tree.parent / "state" / "media.tsv"
        path.write_bytes(path.read_bytes().replace(b"media/packs/00", b"media/packs/77"))
        world.days_pass(1)
        assert self.media(world, world.create().data["set"]) == {"a.jpg": b"first"}
        assert self.media(world, old) == {"a.jpg": b"first"}


class TestMetrics:
    """A failure does not count as a success, whatever it is."""

    def fails(self, world: World) -> None:
        before = world.figures.load()
        world.days_pass(1)
        with pytest.raises(InstanceError) as caught:
            world.create()
        after = world.figures.load()
        assert caught.value.exit_code
        assert (after.success, after.seconds, after.bytes) == (before.success, before.seconds, before.bytes)
        assert after.attempt > before.attempt

    @pytest.mark.parametrize("what", ["dump", "cut", "redis", "down", "full", "gone", "shrunk", "empty"])
    def test_only_a_trusted_set_moves_the_time_of_the_last_success(self, world: World, what: str) -> None:
        world.streams.filling = b"x" * 3_000_000
        old, before = world.create().data["set"], world.now
        place, streams = world.places[0], world.streams
        breaks = {
            "dump": lambda: setattr(streams, "dump_fails", "pg_dump: error: out of memory"),
            "cut": lambda: setattr(streams, "cut_after", 4000),
            "redis": lambda: setattr(streams, "redis_fails", "LOADING Redis is loading the dataset"),
            "down": lambda: setattr(streams, "down", True),
            "full": lambda: setattr(place, "room", place.used + 20_000),
            "gone": lambda: setattr(place, "down", True),
            "shrunk": lambda: setattr(streams, "filling", b""),
            "empty": world.media.files.clear,
        }
        breaks[what]()
        self.fails(world)
        place.down = False
        assert world.restored(old) == before

    def test_damage_that_is_found_shows_until_it_is_gone(self, world: World) -> None:
        world.create()
        key = next(key for key in world.places[0].objects if key.startswith("media/packs/"))
        kept = world.places[0].objects[key]
        world.places[0].objects[key] = kept[:-1]
        assert world.verify("all").exit_code == 4
        assert not world.figures.load().verify_ok
        world.places[0].objects[key] = kept
        assert world.verify("all").exit_code == 0
        assert world.figures.load().verify_ok


def test_a_place_that_was_put_back_to_an_older_state_is_noticed(world: World) -> None:
    world.create()
    older = dict(world.places[0].objects)
    world.days_pass(1)
    world.create()
    assert world.verify().exit_code == 0
    world.places[0].objects = older
    answer = world.verify()
    assert answer.exit_code == 4
    assert "an older state was put back" in answer.data["sets"][-1]["faults"][0]
    assert not world.figures.load().verify_ok
