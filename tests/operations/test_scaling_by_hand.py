"""Numbers by hand, on a Swarm in memory."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from instancectl.core.layout import Machine
from instancectl.core.result import Status
from instancectl.core.scaling.sample import DatabaseSample, HostSample, Sample
from instancectl.core.scaling.settings import policy_for
from instancectl.core.unknown import Unknown
from instancectl.errors import InstanceError, OperationFailed, Refused
from instancectl.operations.scaling.by_hand import ByHand, Surroundings
from tests.fakes import instance
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site

GIB = 1024**3
CORES = 4


class Handled:
    """A deployed site of four cores, and what one reading of it says."""

    def __init__(self, memory: int = 16 * GIB, **sections: object) -> None:
        self.site = Site()
        self.site.swarm.cores, self.site.swarm.memory_bytes = CORES, memory
        self.config = instance.config(**{"database": {"max_connections": 300}, **sections})
        self.site.deployment(self.config).deploy()
        self.sample = Sample(
            at=1.0,
            hosts=(HostSample("this host", CORES, 0.2, memory, memory // 2),),
            database=DatabaseSample(300, 20),
        )
        self.mode = "advise"

    def by_hand(self) -> ByHand:
        site = self.site

        def policy(observed):
            made = policy_for(self.config, Machine(observed.engine.memory_bytes, observed.engine.cores))
            return replace(made, mode=self.mode)

        return ByHand(
            Surroundings(
                stack=STACK,
                policy=policy,
                sample=lambda _: self.sample,
                swarm=site.swarm,
                state=site.state,
                journal=site.journal,
                lock=site.lock.hold,
                reporter=site.reporter,
                clock=site.clock,
            )
        )

    def plan(self) -> list[object]:
        return self.site.deployment(self.config).show_plan().data["steps"]


@pytest.fixture
def handled():
    return Handled()


def processes(handled: Handled) -> tuple[str, int]:
    web = handled.site.spec("web")
    return dict(web.environment)["WEB_CONCURRENCY"], web.memory_bytes


class TestSet:
    def test_more_replicas_run_beside_those_there_are_and_a_deploy_keeps_them(self, handled):
        before = handled.site.tasks()
        result = handled.by_hand().set({"sidekiq-push": 3})
        assert result.status is Status.CHANGED
        after = handled.site.tasks()
        assert before["sidekiq-push"] < after["sidekiq-push"]
        assert len(after["sidekiq-push"]) == 3
        assert {name for name in before if before[name] != after[name]} == {"sidekiq-push"}
        assert not handled.plan()
        handled.site.deployment(handled.config).deploy()
        assert handled.site.spec("sidekiq-push").replicas == 3

    def test_saying_it_twice_changes_nothing(self, handled):
        handled.by_hand().set({"sidekiq-push": 2})
        assert handled.by_hand().set({"sidekiq-push": 2}).status is Status.UNCHANGED

    def test_puma_gets_processes_and_the_memory_for_them(self, handled):
        _, before = processes(handled)
        handled.by_hand().set({"web": 4})
        number, memory = processes(handled)
        assert number == "4"
        assert memory > before
        assert not handled.plan()
        handled.by_hand().release(("web",))
        assert processes(handled) == ("2", before)
        assert not handled.plan()

    def test_the_layouts_own_number_leaves_no_record(self, handled):
        handled.by_hand().set({"sidekiq-push": 2, "web": 3})
        assert handled.site.state.load().scale == {"sidekiq-push": 2, "web": 3}
        handled.by_hand().set({"sidekiq-push": 1})
        assert handled.site.state.load().scale == {"web": 3}

    def test_nothing_else_of_a_changed_configuration_is_applied(self, handled):
        handled.config = instance.config(
            database={"max_connections": 300}, mail={"mode": "none"}, services={"web": {"threads": 6}}
        )
        before = handled.site.spec("web")
        handled.by_hand().set({"sidekiq-push": 2})
        assert handled.site.spec("web") == before
        assert handled.plan()

    def test_it_is_told_when_the_autoscaler_may_change_it_again(self, handled):
        handled.mode = "auto"
        assert "scale hold" in handled.by_hand().set({"sidekiq-push": 2}).notes[0]

    def test_a_killed_run_is_finished_by_the_same_command_or_by_a_deploy(self):
        whole = Handled()
        start = whole.site.fuse.passed
        whole.by_hand().set({"sidekiq-push": 3})
        for point in range(whole.site.fuse.passed - start):
            for again in ("set", "deploy"):
                handled = Handled()
                handled.site.fuse.blow_after(point)
                with contextlib.suppress(Killed):
                    handled.by_hand().set({"sidekiq-push": 3})
                handled.site.fuse.mend()
                handled.site.lock.table.clear()
                if again == "set" or not handled.site.state.load().scale:
                    handled.by_hand().set({"sidekiq-push": 3})
                else:
                    handled.site.deployment(handled.config).deploy()
                assert handled.site.spec("sidekiq-push").replicas == 3, (point, again)
                assert not handled.plan(), (point, again)

    def test_a_number_that_never_serves_is_an_error_with_a_way_back(self, handled):
        handled.site.swarm.broken_images.add(handled.site.spec("web").image)
        with pytest.raises(OperationFailed, match="does not run with 4 processes") as caught:
            handled.by_hand().set({"web": 4})
        assert "scale release web" in caught.value.hint


class TestRefused:
    @pytest.mark.parametrize(
        ("wanted", "words"),
        [
            ({"sidekiq": 2}, "exactly one"),
            ({"sidekiq": 0}, "exactly one"),
            ({"sidekiq-mailers": 0}, "somebody always waits for `mailers`"),
            ({"sidekiq-default": 0}, "somebody always waits for `default`"),
            ({"web": 0}, "somebody always waits for `web`"),
            ({"streaming": 2}, "no such service"),
            ({"sidekiq-push": CORES + 1}, r"max\(4 cores, 1 of the layout\) = 4 < 5"),
        ],
    )
    def test_what_is_never_possible(self, handled, wanted, words):
        before = handled.site.outcome()
        with pytest.raises(Refused, match=words):
            handled.by_hand().set(wanted)
        assert handled.site.outcome() == before

    def test_too_many_connections_with_the_sum(self):
        handled = Handled(database={"max_connections": 120, "pgbouncer": "off"})
        with pytest.raises(Refused, match=r"room for 1: connections: web .* = 126 > 120"):
            handled.by_hand().set({"sidekiq-push": 2})

    def test_too_little_memory_with_the_sum(self, handled):
        host = handled.sample.hosts[0]
        free = replace(host, available_bytes=host.memory_bytes // 10 + 500_000_000)
        handled.sample = replace(handled.sample, hosts=(free,))
        with pytest.raises(Refused, match="there is room for 2: memory: 318 MiB needed"):
            handled.by_hand().set({"sidekiq-push": 4})

    def test_more_while_nobody_can_see_how_much_is_free(self, handled):
        handled.sample = replace(handled.sample, database=Unknown("PostgreSQL: connection refused"))
        with pytest.raises(Refused, match="cannot judge whether there is room: PostgreSQL"):
            handled.by_hand().set({"sidekiq-push": 2})

    def test_fewer_are_always_possible(self, handled):
        handled.by_hand().set({"sidekiq-push": 3})
        handled.sample = replace(handled.sample, database=Unknown("gone"), hosts=Unknown("gone"))
        assert handled.by_hand().set({"sidekiq-push": 1}).lines == (
            "`sidekiq-push` 3 → 1; those that leave finish their jobs",
        )

    def test_an_instance_that_is_not_deployed(self):
        handled = Handled()
        handled.site = Site()
        with pytest.raises(InstanceError, match="not deployed"):
            handled.by_hand().show()


class TestHold:
    def test_it_counts_until_its_end(self, handled):
        end = handled.site.clock.epoch_seconds() + 7200
        told = handled.by_hand().hold("sidekiq-push", 2, end)
        assert "held until" in told.lines[0]
        assert handled.site.spec("sidekiq-push").replicas == 2
        assert not handled.plan()
        row = next(
            one for one in handled.by_hand().show().data["services"] if one["service"] == "sidekiq-push"
        )
        assert (row["held"], row["held_until"]) == (2, end)
        handled.site.clock.sleep(7201)
        assert handled.plan()  # a deploy brings the layout's number where no agent does

    @pytest.mark.parametrize(("mode", "afterwards"), [("advise", 1), ("auto", 2)])
    def test_when_it_is_over_the_number_before_runs_again_unless_the_policy_takes_over(
        self, handled, mode, afterwards
    ):
        handled.mode = mode
        handled.by_hand().hold("sidekiq-push", 2, handled.site.clock.epoch_seconds() + 60)
        assert handled.by_hand().expire().status is Status.UNCHANGED
        handled.site.clock.sleep(61)
        handled.by_hand().expire()
        assert handled.site.spec("sidekiq-push").replicas == afterwards
        assert not handled.site.state.load().holds
        assert not handled.plan()

    def test_release_ends_it(self, handled):
        handled.by_hand().hold("sidekiq-push", 2, handled.site.clock.epoch_seconds() + 60)
        handled.by_hand().release(())
        assert not handled.site.state.load().holds
        assert handled.site.spec("sidekiq-push").replicas == 1


class TestShow:
    def test_it_says_what_runs_and_whether_one_more_fits(self, handled):
        handled.by_hand().set({"sidekiq-push": 2})
        told = handled.by_hand().show()
        rows = {row["service"]: row for row in told.data["services"]}
        assert (rows["sidekiq-push"]["processes"], rows["sidekiq-push"]["chosen"]) == (2, 2)
        assert rows["sidekiq-push"]["no_more"] == ""
        assert rows["web"]["processes"] == 2
        assert "sidekiq" not in rows
        assert any(line.startswith("connections: web 10") for line in told.lines)

    def test_what_cannot_be_seen_is_said_and_never_zero(self, handled):
        handled.sample = replace(handled.sample, database=Unknown("PostgreSQL: connection refused"))
        told = handled.by_hand().show()
        assert told.lines[-1] == "what there is room for is unknown: PostgreSQL: connection refused"
        assert all(row["busy"] is None for row in told.data["services"])
