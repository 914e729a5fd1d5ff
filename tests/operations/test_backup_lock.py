"""Locked sets: extended while they are wanted, let go when they are not, and out of reach of a thief."""

from __future__ import annotations

import random

import pytest

from instancectl.core.backup import naming
from instancectl.core.backup.figures import LOCK_END, samples
from instancectl.core.backup.object_lock import DAY_SECONDS
from instancectl.core.config_backup import Backup, BackupDestination
from instancectl.errors import Unreachable
from tests.operations.backup_world import World
from tests.operations.wal_world import Sending

DAYS = 10


@pytest.fixture
def world() -> World:
    made = World()
    made.places[0].lock_days = DAYS
    return made


def night(world: World) -> str:
    world.media.write(f"accounts/{world.clock.now}.jpg", b"x" * 50)
    made = world.create().data["set"]
    world.expire()
    world.days_pass(1)
    return made


def stolen(world: World) -> None:
    """Somebody with the keys removes whatever can be removed."""
    place = world.places[0]
    for key in list(place.objects):
        place.delete(key)


def wanted(world: World) -> set[str]:
    decided = world.expire(dry_run=True).data["destinations"][0]["sets"]
    return {one["set"] for one in decided if one["keep"]}


def test_everything_of_a_set_is_locked(world: World) -> None:
    made = night(world)
    stolen(world)
    assert world.sets() == [made]
    assert world.restored(made)


def test_packs_of_old_sets_stay_locked_as_long_as_new_ones_need_them(world: World) -> None:
    first = night(world)
    for _ in range(3 * DAYS):
        night(world)
    packs = {one.key for one in world.repository().read_set(world.sets()[-1])[0].packs}
    oldest = min(packs, key=naming.pack_sequence)
    assert naming.pack_sequence(oldest) <= 2, first
    assert world.places[0].locks[oldest] > world.clock.epoch_seconds() + (DAYS / 2 - 1.1) * DAY_SECONDS


def test_an_expired_set_stays_while_it_is_locked_and_goes_afterwards(world: World) -> None:
    first = night(world)
    for _ in range(4):
        night(world)
    found = world.expire().data["destinations"][0]
    assert first in found["held_sets"]
    assert first in world.sets()
    assert any(line.startswith(f"  still locked, goes later: {first}") for line in world.expire().lines)
    for _ in range(DAYS + 2):
        night(world)
    assert first not in world.sets()


def test_what_a_lock_keeps_is_no_error_and_no_change(world: World) -> None:
    for _ in range(5):
        night(world)
    world.expire()
    answer = world.expire()
    assert answer.data["destinations"][0]["held_sets"]
    assert (answer.status, answer.exit_code) == ("unchanged", 0)


def test_storage_does_not_grow_for_ever(world: World) -> None:
    sizes = []
    for _ in range(6 * DAYS):
        night(world)
        sizes.append(len([key for key in world.places[0].objects if key.startswith(naming.PARTS)]))
    assert max(sizes[-DAYS:]) <= max(sizes[3 * DAYS : 4 * DAYS])


def test_a_lock_that_cannot_be_extended_is_told_and_tried_again(world: World) -> None:
    for _ in range(DAYS):
        night(world)
    world.days_pass(3)
    world.places[0].down = True
    with pytest.raises(Unreachable):
        world.expire()
    world.places[0].down = False
    assert world.expire().data["destinations"][0]["extended_objects"]


def test_until_when_all_is_locked_is_remembered_and_true(world: World) -> None:
    for _ in range(3 * DAYS):
        night(world)
        world.expire()
        (kept,) = [
            one.value
            for one in samples(world.figures.load(), world.clock.epoch_seconds())
            if one.metric is LOCK_END
        ]
        needed = {
            one.key for set_id in wanted(world) for one in world.repository().read_set(set_id)[0].objects
        }
        assert kept == world.clock.epoch_seconds() + DAYS / 2 * DAY_SECONDS
        assert all(world.places[0].locks[key] >= kept for key in needed)
    before = world.figures.load().locked
    world.days_pass(1)
    world.places[0].down = True
    with pytest.raises(Unreachable):
        world.expire()
    assert world.figures.load().locked == before  # so time runs out, and an alert says so


def test_without_a_lock_nothing_is_extended() -> None:
    world = World()
    for _ in range(5):
        night(world)
    assert world.expire().data["destinations"][0]["extended_objects"] == 0
    assert LOCK_END not in {one.metric for one in samples(world.figures.load(), world.clock.epoch_seconds())}


@pytest.mark.parametrize("seed", range(4))
def test_a_thief_takes_nothing_that_retention_wants(seed: int) -> None:
    """Random nights, some of them missed; whoever comes between them finds every wanted set locked."""
    world, chance = World(), random.Random(seed)
    world.places[0].lock_days = chance.choice((4, DAYS, 30))
    for _ in range(60):
        world.media.write(f"accounts/{chance.randrange(9)}.jpg", chance.randbytes(60))
        if chance.random() < 0.9:
            world.create()
        world.expire()
        truth = {one: world.restored(one) for one in wanted(world)}
        world.days_pass(chance.random() * world.places[0].lock_days / 2.1)
        stolen(world)
        assert {one: world.restored(one) for one in truth} == truth
        assert set(truth) <= set(world.sets())


def test_damaged_notes_stop_nobody(world: World) -> None:
    world.places[0].objects["trash/1-deadbeef.json"] = b"\xff not ours"
    world.places[0].modified["trash/1-deadbeef.json"] = world.clock.epoch_seconds()
    assert night(world) in world.sets()
    world.days_pass(3)
    world.expire()
    assert "trash/1-deadbeef.json" not in world.places[0].objects


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "directory", "path": "/mnt", "lock_days": 7}, "needs a bucket"),
        ({"kind": "s3", "bucket": "b", "lock_days": 2}, "at least 3"),
    ],
)
def test_a_lock_that_cannot_work_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BackupDestination.model_validate(settings)


def test_a_lock_covers_the_moments_that_can_be_reached() -> None:
    bucket = {"kind": "s3", "bucket": "b", "lock_days": 6}
    with pytest.raises(ValueError, match="needs at least 7"):
        Backup.model_validate({"point_in_time": True, "destination": bucket})
    assert Backup.model_validate({"destination": bucket}).destination.lock_days == 6
    assert Backup.model_validate({"point_in_time": True, "destination": {**bucket, "lock_days": 7}})


def test_wal_that_is_still_locked_is_let_go_of_later(world: World) -> None:
    sending, place = Sending(world), world.places[0]

    def archives() -> set[str]:
        return {key for key in place.objects if key.startswith("wal/")}

    sending.create()
    sending.minute()
    early, tried = archives(), len(place.deletions)
    assert early
    for number in range(DAYS + 6):
        world.days_pass(1)
        sending.minute()
        sending.create()
        if number == DAYS - 2:
            assert world.expire().data["destinations"][0]["removed_wal"] == 0
            assert early <= archives()
            assert not [key for key in place.deletions[tried:] if key in early]
    world.expire()
    world.expire()
    assert not early & archives()
