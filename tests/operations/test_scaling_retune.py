"""New threads reach Sidekiq without a moment in which nobody works on a queue."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from instancectl.core.layout import Machine
from instancectl.core.result import Status
from instancectl.core.scaling.sample import DatabaseSample, HostSample, Sample
from instancectl.core.scaling.settings import policy_for
from instancectl.core.unknown import Unknown
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.scaling.by_hand import Surroundings
from instancectl.operations.scaling.retuning import expect_nothing, retune
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site

GIB = 1024**3
PUSH, DEFAULT = "sidekiq-push", "sidekiq-default"
DATABASE = {"max_connections": 400}


class Watch(FakeClock):
    """The clock of a site that also counts, whenever time passes, how many processes of `push` work."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site, self.least = site, 99

    def monotonic_seconds(self) -> float:
        return self._site.clock.monotonic_seconds()

    def epoch_seconds(self) -> float:
        return self._site.clock.epoch_seconds()

    def sleep(self, seconds: float) -> None:
        self._site.clock.sleep(seconds)
        self.least = min(self.least, self._site.swarm.service(STACK, PUSH).running)


class Tuned:
    """A deployed site whose instance file has just got other threads for two services."""

    def __init__(self) -> None:
        self.site = Site()
        self.site.swarm.cores, self.site.swarm.memory_bytes = 4, 16 * GIB
        sizes = {PUSH: {"threads": 5, "replicas": 2}, DEFAULT: {"threads": 10}}
        self.before = instance.config(database=DATABASE, services=sizes)
        self.site.deployment(self.before).deploy()
        sizes = {PUSH: {"threads": 25, "replicas": 2}, DEFAULT: {"threads": 4}}
        self.config = instance.config(database=DATABASE, services=sizes)
        self.sample = Sample(
            at=1.0,
            hosts=(HostSample("this host", 4, 0.2, 16 * GIB, 8 * GIB),),
            database=DatabaseSample(400, 20),
        )
        self.clock = Watch(self.site)

    def around(self) -> Surroundings:
        site = self.site

        def policy(observed):
            return policy_for(self.config, Machine(observed.engine.memory_bytes, observed.engine.cores))

        return Surroundings(
            stack=STACK, policy=policy, sample=lambda _: self.sample, swarm=site.swarm, state=site.state,
            journal=site.journal, lock=site.lock.hold, reporter=site.reporter, clock=self.clock,
        )  # fmt: skip

    def threads(self, service: str) -> str:
        return dict(self.site.spec(service).environment)["SIDEKIQ_CONCURRENCY"]


@pytest.fixture
def tuned():
    return Tuned()


def test_each_process_starts_before_one_leaves(tuned):
    before = tuned.site.tasks()
    told = retune(tuned.around())
    assert told.status is Status.CHANGED
    assert (tuned.threads(PUSH), tuned.threads(DEFAULT)) == ("25", "4")
    assert tuned.clock.least == 2
    after = tuned.site.tasks()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {PUSH, DEFAULT}
    assert tuned.site.spec(PUSH).update.order == "stop-first"
    written = [one["service"] for one in tuned.site.journal.written if one["event"] == "tuned"]
    assert sorted(written) == [DEFAULT, PUSH]


def test_the_deploy_that_follows_leaves_them_alone_and_a_second_run_has_nothing_to_do(tuned):
    retune(tuned.around())
    rolled = tuned.site.tasks()
    tuned.site.deployment(tuned.config).deploy()
    assert {name: rolled[name] for name in (PUSH, DEFAULT)} == {
        name: tuned.site.tasks()[name] for name in (PUSH, DEFAULT)
    }
    assert retune(tuned.around()).status is Status.UNCHANGED


@pytest.mark.parametrize("short", ["memory", "unknown"])
def test_without_room_for_one_more_it_is_left_to_the_deploy(tuned, short):
    host = replace(tuned.sample.hosts[0], available_bytes=GIB)
    hosts = Unknown("nobody looked") if short == "unknown" else (host,)
    tuned.sample = replace(tuned.sample, hosts=hosts)
    before = tuned.site.tasks()
    assert retune(tuned.around()).status is Status.UNCHANGED
    assert tuned.site.tasks() == before
    assert any("left to the deploy" in said for said in tuned.site.reporter.notes)


def test_a_process_that_does_not_work_is_taken_back_and_the_old_ones_go_on(tuned):
    tuned.site.swarm.broken_images.add(tuned.site.spec("web").image)
    with pytest.raises(OperationFailed, match="does not run") as caught:
        retune(tuned.around())
    assert "threads` back in the instance file" in caught.value.hint
    assert tuned.threads(DEFAULT) == "10"
    running = [task for task in tuned.site.swarm.service(STACK, DEFAULT).tasks if task.state == "running"]
    assert running


def test_killed_anywhere_a_deploy_finishes_it():
    whole = Tuned()
    start = whole.site.fuse.passed
    retune(whole.around())
    for point in range(whole.site.fuse.passed - start):
        tuned = Tuned()
        tuned.site.fuse.blow_after(point)
        with contextlib.suppress(Killed):
            retune(tuned.around())
        tuned.site.fuse.mend()
        tuned.site.lock.table.clear()
        tuned.site.deployment(tuned.config).deploy()
        assert (tuned.threads(PUSH), tuned.threads(DEFAULT)) == ("25", "4"), point
        assert tuned.site.spec(PUSH).update.order == "stop-first", point


def test_somebody_in_the_midst_of_editing_is_left_in_peace() -> None:
    tuned = Tuned()
    expect_nothing(tuned.site.deployment(tuned.before).show_plan())
    with pytest.raises(Refused, match=r"no matter of threads: .*sidekiq-default.* and 3 more"):
        expect_nothing(tuned.site.deployment(tuned.config).show_plan())
