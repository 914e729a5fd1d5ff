"""A surge by hand: what is given up comes back, whatever happens in between."""

from __future__ import annotations

import contextlib

import pytest

from instancectl.core.desired import OneShot
from instancectl.core.result import Status
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.scaling.surge import PATIENT, Surge, Surroundings
from tests.fakes import instance
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site

CONFIG = instance.config(
    instance={"layout": "medium"}, services={"sidekiq-pull": {"replicas": 1}}, registrations={"mode": "open"}
)
WORDS = {"open": "open", "approved": "approved", "close": "none"}


class Surged:
    """A deployed site whose registration mode follows tootctl."""

    def __init__(self, mode: str = "open") -> None:
        self.site = Site()
        self.site.deployment(CONFIG).deploy()
        self.mode, self.watched = mode, True
        self.site.swarm.work = self._work

    def _work(self, job: OneShot) -> tuple[int, str]:
        assert job.argv[:3] == ("bin/tootctl", "settings", "registrations")
        self.mode = WORDS[job.argv[3]]
        return 0, "OK"

    def surge(self) -> Surge:
        site = self.site
        return Surge(
            Surroundings(
                stack=STACK,
                patient=1,
                swarm=site.swarm,
                state=site.state,
                journal=site.journal,
                clock=site.clock,
                mode=lambda: self.mode,
                job=lambda name, argv: OneShot(name, "web:1", argv),
                lock=site.lock.hold,
                agent=lambda: self.watched,
            )
        )

    @property
    def end(self) -> float:
        return self.site.clock.epoch_seconds() + 3600

    def after_a_kill(self) -> None:
        self.site.fuse.mend()
        self.site.lock.table.clear()


def test_sign_ups_wait_for_approval_and_pull_waits_until_it_is_over():
    world = Surged()
    told = world.surge().on(world.end)
    assert world.mode == "approved"
    assert world.site.spec(PATIENT).replicas == 0
    assert told.data["registrations"] == "open"
    world.site.clock.sleep(5)
    assert not world.site.deployment(CONFIG).show_plan().data["steps"]
    world.surge().off()
    assert world.mode == "open"
    assert world.site.spec(PATIENT).replicas == 1
    applied = world.site.state.load()
    assert (applied.surge_until, applied.surge_mode, dict(applied.holds)) == (0.0, "", {})


@pytest.mark.parametrize("mode", ["approved", "none"])
def test_a_stricter_mode_is_left_alone(mode):
    world = Surged(mode)
    world.surge().on(world.end)
    assert world.mode == mode
    world.surge().off()
    assert world.mode == mode


def test_what_somebody_set_meanwhile_stands():
    world = Surged()
    world.surge().on(world.end)
    world.mode = "none"
    assert "that stands" in "".join(world.surge().off().lines)
    assert world.mode == "none"


def test_a_longer_surge_remembers_what_was_before_the_first():
    world = Surged()
    world.surge().on(world.end)
    world.surge().on(world.end + 3600)
    world.surge().off()
    assert world.mode == "open"


def test_it_is_said_who_ends_it():
    world = Surged()
    assert "the agent ends it" in world.surge().on(world.end).notes[0]
    world.watched = False
    assert "no agent runs here" in world.surge().on(world.end).notes[0]


def test_without_a_surge_there_is_nothing_to_end():
    assert Surged().surge().off().status is Status.UNCHANGED


def test_mastodon_that_refuses_is_told_and_the_record_stays():
    world = Surged()
    world.site.swarm.work = lambda _: (1, "no database")
    with pytest.raises(OperationFailed, match="no database"):
        world.surge().on(world.end)
    assert world.site.state.load().surge_mode == "open"


def test_an_instance_that_is_not_deployed_is_refused():
    world = Surged()
    world.site = Site()
    with pytest.raises(Refused):
        world.surge().on(world.end)


@pytest.mark.parametrize("cut", ["on", "off"])
def test_wherever_it_is_cut_off_everything_comes_back(cut):
    whole = Surged()
    start = whole.site.fuse.passed
    whole.surge().on(whole.end)
    middle = whole.site.fuse.passed
    whole.surge().off()
    points = middle - start if cut == "on" else whole.site.fuse.passed - middle
    for point in range(points):
        world = Surged()
        if cut == "on":
            world.site.fuse.blow_after(point)
            with contextlib.suppress(Killed):
                world.surge().on(world.end)
        else:
            world.surge().on(world.end)
            world.site.fuse.blow_after(point)
            with contextlib.suppress(Killed):
                world.surge().off()
        world.after_a_kill()
        world.surge().off()
        assert world.mode == "open", point
        assert world.site.spec(PATIENT).replicas == 1, point
        assert world.site.state.load().surge_until == 0.0, point
