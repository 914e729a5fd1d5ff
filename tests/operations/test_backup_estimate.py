"""An estimate measures, says what is new, and changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.errors import Unreachable
from instancectl.operations.backup.estimate import estimate
from tests.operations.backup_world import World
from tests.operations.wal_world import Sending


@pytest.fixture
def world():
    return World()


def test_before_the_first_set_everything_is_new(world):
    world.media.remote = (3, 900)
    world.places[0].room = 10**9
    answer = estimate(world.subject, world.place)
    assert answer.status == "planned"
    assert answer.data["database_bytes"] == 1000
    assert answer.data["media"] == {
        "files": 1, "bytes": 3, "new_files": 1, "new_bytes": 3, "left_out_files": 3, "left_out_bytes": 900,
    }  # fmt: skip
    assert "there was no run yet" in answer.lines
    assert not world.places[0].objects
    assert not world.journal.events()


def test_what_is_stored_already_is_not_counted(world):
    world.create()
    world.media.write("accounts/2.jpg", b"12345")
    answer = estimate(world.subject, world.place)
    assert (answer.data["media"]["new_files"], answer.data["media"]["new_bytes"]) == (1, 5)
    assert answer.data["last_seconds"] is not None


def test_the_files_that_moments_begin_with_are_counted(world):
    world.places[0].room = 10**9
    sending = Sending(world)
    answer = estimate(replace(world.subject, config=sending.config), world.place)
    assert answer.data["base_bytes"] == 7000
    assert answer.data["destinations"][0]["most_bytes"] == 1000 + 7000 + 3
    assert any("moments begin" in line for line in answer.lines)
    assert estimate(world.subject, world.place).data["base_bytes"] == 0


def test_a_destination_that_fills_up_is_told(world):
    world.places[0].room = 500
    assert "perhaps not enough" in "\n".join(estimate(world.subject, world.place).lines)


@pytest.mark.parametrize("what", ["database", "destination"])
def test_what_does_not_answer_is_told(world, what):
    world.streams.down = what == "database"
    world.places[0].down = what == "destination"
    with pytest.raises(Unreachable):
        estimate(world.subject, world.place)
