"""Random days of an instance: runs are killed, disks fill, sets expire; nothing that is kept is ever lost."""

from __future__ import annotations

import os
import random

import pytest

from instancectl.core.backup import naming
from instancectl.errors import InstanceError
from tests.fakes.fuse import Killed
from tests.operations.backup_world import DAY, World

STEPS = int(os.environ.get("BACKUP_MODEL_STEPS", "2500"))
SEEDS = 5


class Days:
    """One random history and what must hold after every step of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World(places=2)
        self.truth: dict[str, dict[str, object]] = {}
        self.made = 0

    def step(self) -> None:
        action = self.random.choices(
            (
                self.write,
                self.delete,
                self.back_up,
                self.kill,
                self.expire,
                self.fail,
                self.forget_index,
                self.wait,
                self.collect_elsewhere,
                self.expire_blindly,
            ),
            (6, 3, 5, 4, 4, 2, 0.3, 3, 3, 1),
        )[0]
        action()

    def write(self) -> None:
        self.made += 1
        content = self.random.randbytes(self.random.choice((0, 10, 700, 6000)))
        self.world.media.write(f"accounts/{self.random.randrange(12)}.jpg", content)
        self.world.streams.tables["public.statuses"] = self.made

    def delete(self) -> None:
        if len(self.world.media.files) > 1:
            self.world.media.remove(self.random.choice(sorted(self.world.media.files)).decode())

    def back_up(self) -> None:
        truth = self.world.now
        before = set(self.everything())
        try:
            self.world.create()
        except InstanceError as error:
            assert error.exit_code, error  # noqa: PT017 - never silently
        finally:
            self.world.lock_table.clear()
            for id_ in set(self.everything()) - before:
                self.truth[id_] = truth

    def kill(self) -> None:
        """`kill -9` at a random point of a backup or of an expiry."""
        place = self.random.choice(self.world.places)
        place.fuse.blow_after(self.random.randrange(24))
        try:
            self.random.choice((self.back_up, self.expire))()
        except Killed:
            pass
        finally:
            place.fuse.mend()
            self.world.lock_table.clear()

    def expire(self) -> None:
        self.world.expire()

    def fail(self) -> None:
        """A destination that does not answer, or is full, during one run."""
        place = self.random.choice(self.world.places)
        if self.random.random() < 0.5:
            place.down = True
        else:
            place.room = place.used + self.random.randrange(4000)
        self.back_up()
        place.down, place.room = False, None

    def collect_elsewhere(self) -> None:
        """Somebody expires sets from another machine, which no lock here knows of, during a slow backup."""
        place = self.random.choice(self.world.places)

        def meanwhile() -> None:
            for _ in range(2):
                self.world.days_pass(self.random.random() * 0.45)
                self.world.expire_elsewhere()

        place.fuse.happen_after(self.random.randrange(24), meanwhile)
        self.back_up()
        place.fuse.mend()

    def expire_blindly(self) -> None:
        """A store that lists yesterday's bucket while sets expire: the newest objects are not there yet."""
        place = self.random.choice(self.world.places)
        now = self.world.clock.epoch_seconds()
        place.unlisted = {key for key, at in place.modified.items() if at > now - DAY}
        self.expire()
        place.unlisted = set()

    def forget_index(self) -> None:
        self.world.index.entries = []

    def wait(self) -> None:
        self.world.days_pass(self.random.choice((0.01, 0.5, 1, 1, 3, 20)))

    def everything(self) -> list[str]:
        return [
            key.removeprefix(naming.SETS).removesuffix(naming.SET_SUFFIX)
            for place in self.world.places
            for key in place.objects
            if key.startswith(naming.SETS) and key.endswith(naming.SET_SUFFIX)
        ]

    def check(self) -> None:
        """Every set that any destination shows restores exactly what there was when it was made."""
        for number, _ in enumerate(self.world.places):
            for id_ in self.world.sets(number):
                assert self.world.restored(id_, number) == self.truth[id_], id_


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_that_is_kept_is_ever_lost(seed: int) -> None:
    days = Days(seed)
    for number in range(STEPS // SEEDS):
        days.step()
        if number % 20 == 0:
            days.check()
    days.check()
    # Left alone, what no set needs is collected, and the newest proven set is still there.
    days.back_up()
    for _ in range(6):
        days.world.days_pass(2)
        days.expire()
    days.check()
    for number, place in enumerate(days.world.places):
        contents = days.world.repository(place).look()
        needed = {one.key for known in contents.sets for one in known.set.objects}
        stored = {key for key in place.objects if key.startswith((naming.PARTS, naming.PACKS))}
        assert stored == needed
        assert any(one.verdict.proven for one in contents.sets), number
    assert days.world.sets(0)
