"""The live loop: what it reads, what it decides to do, and that nothing is lost when it is cut off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.applied import Applied
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.state import LadderState
from instancectl.errors import Busy
from instancectl.operations.scaling.explaining import explain
from instancectl.operations.scaling.resident import Beside, Resident
from tests.fakes.fuse import Killed
from tests.fakes.stack_sight import container_id
from tests.operations.scaled import Scaled

WEB = container_id("web", 1)


def overrun(world: Scaled, ticks: int = 3) -> Scaled:
    """`push` gets late enough for one more process."""
    for number in range(ticks):
        world.work("push", 3000, 60 + 10 * number, 25)
        world.tick()
    return world


def replicated(world: Scaled) -> list[tuple[str, int]]:
    return [(name, number) for what, name, number in world.hand.did if what == "replicate"]


def pushed(world: Scaled) -> list[int]:
    """Numbers that `sidekiq-push` was given, in order."""
    return [number for name, number in replicated(world) if name == "sidekiq-push"]


class TestActing:
    def test_a_late_queue_gets_a_process_and_everybody_is_told(self):
        world = overrun(Scaled())
        assert pushed(world)[0] == 2
        assert world.state.load().scale["sidekiq-push"] == pushed(world)[-1]
        assert any(said.startswith("`sidekiq-push` 1 → 2: ") for said in world.said)
        done = [one.outcome for one in world.record.kept if one.decision["kind"] == "replicas"]
        assert set(done) == {"done"}
        assert world.journal.written[-1]["event"] == "scaled"

    def test_advice_changes_nothing(self):
        world = overrun(Scaled("advise"))
        assert not replicated(world)
        assert not world.state.load().scale
        assert any(said.startswith("would do: `sidekiq-push` 1 → 2: ") for said in world.said)

    def test_off_says_so_once(self):
        world = overrun(Scaled("off"))
        assert not world.hand.did
        assert [said for said in world.said if "switched off" in said] == [
            "`instance`: scaling is switched off"
        ]

    def test_the_layouts_own_number_is_not_recorded(self):
        world = overrun(Scaled())
        world.loop.actor.choose("sidekiq-push", 1)
        assert "sidekiq-push" not in world.state.load().scale

    def test_puma_grows_in_place_and_its_container_is_allowed_the_memory(self):
        world = Scaled()
        world.tick()
        more = Decision(Kind.PROCESSES, "web", 8, 4, "latency", "requests wait")
        assert world.loop.actor.act(more) == "done"
        assert world.workers.pumas[WEB].processes == 8
        assert [what for what, where, _ in world.hand.did if where == WEB and what == "memory"]
        assert not world.state.load().scale
        assert world.loop.actor.act(replace(more, target=3, before=8)) == "done"
        assert world.workers.pumas[WEB].processes == 3

    def test_the_largest_process_is_replaced(self):
        world = Scaled()
        world.stack.replicas("sidekiq-push", 2)
        world.tick()
        world.redis.hashes[f"{container_id('sidekiq-push', 2)[:12]}:1:x"]["rss"] = "900000"
        world.sampler.sample(world.loop.mails)
        assert world.loop.actor.act(Decision(Kind.RECYCLE, "sidekiq-push", 1, 0, "recycle", "")) == "done"
        assert world.hand.did[-1] == ("end", container_id("sidekiq-push", 2), 60)

    def test_registrations_are_set_by_tootctl_without_touching_anything_else(self):
        world = Scaled()
        one = Decision(Kind.REGISTRATIONS, "registrations", 1, 0, "ladder", "", mode="approved")
        assert world.loop.actor.act(one) == "done"
        assert world.command.ran == [("tootctl", "settings", "registrations", "approved")]
        world.command.answers["tootctl"] = (1, "no database")
        assert "no database" in world.loop.actor.act(one)

    def test_waiting_mails_are_due_at_once_and_other_retries_are_not(self):
        world = Scaled()
        world.tick()
        mail, other = b'{"queue":"mailers","jid":"a"}', b'{"queue":"push","jid":"b"}'
        world.redis.sorted["retry"] = {mail: world.redis.now + 900, other: world.redis.now + 900}
        assert world.loop.actor.act(Decision(Kind.RETRY, "mailers", 1, 0, "breaker", "")) == "done"
        assert world.redis.sorted["retry"][mail] <= world.redis.now + 0.001
        assert world.redis.sorted["retry"][other] == world.redis.now + 900

    def test_the_edge_is_changed_once_the_lock_is_free(self):
        world = Scaled("advise")  # an admin took `auto` away while the highest rung was entered
        held: list[bool] = []
        world.command.then = lambda _: held.append("holder" in world.changing)
        world.loop.state = replace(world.loop.state, acted=True, ladder=LadderState(4, 1.0))
        world.tick()
        assert [words for words in world.command.ran if words[0] == "surge"] == [
            ("surge", "let-in", "inbox"),
            ("surge", "let-in", "reading"),
        ]
        assert not any(held)
        assert {one.outcome for one in world.record.kept if one.decision["subject"] == "edge"} == {"done"}

    @pytest.mark.parametrize(("kind", "what"), [(Kind.SHED, "reading"), (Kind.VALVE, "inbox")])
    def test_the_edge_turns_away_by_commands_of_our_own(self, kind, what):
        world = Scaled()
        asked = Decision(kind, "edge", 1, 0, "ladder", "too much")
        assert world.loop.actor.act(asked) == "done"
        assert world.command.ran == [("surge", "turn-away", what)]
        world.command.answers["surge"] = (5, "somebody holds the lock")
        assert "somebody holds the lock" in world.loop.actor.act(asked)

    def test_what_is_for_a_person_is_only_said(self):
        world = Scaled()
        asked = Decision(Kind.ASK, "instance", 1, 0, "host", "add a host")
        assert world.loop.actor.act(asked).startswith("not done")

    def test_every_container_gets_its_weight_once(self):
        world = Scaled()
        world.tick(3)
        weights = {where: weight for what, where, weight in world.hand.did if what == "weight"}
        assert weights[WEB] == 16384
        assert weights[container_id("sidekiq-pull", 1)] == 32
        assert len([what for what, *_ in world.hand.did if what == "weight"]) == len(weights)

    def test_a_refusal_of_the_engine_is_told_and_tried_again(self):
        world = Scaled()
        world.hand.refusal = "no"
        overrun(world)
        assert any("not done: the Docker Engine refused: no" in said for said in world.said)
        world.hand.refusal = ""
        for number in range(6):
            world.work("push", 3000, 100 + 10 * number, 25)
            world.tick()
        assert replicated(world)


class TestNothingIsChanged:
    @pytest.mark.parametrize("blind", ["redis", "database", "engine", "readonly", "updating"])
    def test_while_anything_is_unknown(self, blind):
        world = Scaled()
        world.tick()
        if blind == "redis":
            world.redis.unreachable = True
        elif blind == "database":
            world.database.unreachable = True
        elif blind == "engine":
            world.stack.engine_down = True
        elif blind == "readonly":
            world.redis.info["rdb_last_bgsave_status"] = "err"
        else:
            world.stack.updating = ("web",)
        overrun(world)
        assert not replicated(world)
        assert any("nothing is changed" in said for said in world.said)

    def test_while_somebody_else_changes_the_instance(self):
        world = Scaled()
        world.changing["holder"] = "deploy"
        overrun(world)
        assert not replicated(world)
        assert any("`deploy`; nothing is changed meanwhile" in said for said in world.said)
        del world.changing["holder"]
        for number in range(3):
            world.work("push", 3000, 90 + 10 * number, 25)
            world.tick()
        assert pushed(world)[0] == 2

    def test_when_it_cannot_be_written_down(self):
        world = Scaled()
        world.record.full = True
        world.work("push", 3000, 90, 25)
        waits = iter([False] * 12 + [True] * 9)
        world.loop.run(lambda seconds: (world.clock.sleep(seconds), world.beat(), next(waits))[-1])
        assert not replicated(world)
        assert [said for said in world.said if "disk is full" in said]

    def test_two_never_work_at_once(self):
        world = Scaled()
        world.alone["holder"] = "scaling"
        with pytest.raises(Busy):
            world.loop.run(lambda _: True)
        assert not world.record.samples

    def test_a_sample_of_another_one_is_waited_for(self):
        world = Scaled()
        world.alone["holder"] = "scaling"
        world.beat()
        waits: list[float] = []

        def wait(seconds: float) -> bool:
            waits.append(seconds)
            world.alone.clear() if len(waits) == 2 else None
            return len(waits) > 2

        world.loop.run(wait)
        assert world.record.samples

    def test_one_that_only_advises_lets_somebody_take_over_and_goes_on_from_there(self):
        world = Scaled("advise")
        world.beat()
        seen: list[int] = []

        def wait(seconds: float) -> bool:
            world.clock.sleep(seconds)
            world.beat()
            assert "holder" not in world.alone or world.alone["holder"] == "watch"
            now = world.clock.now
            if now == 15:
                world.alone["holder"] = "watch"
            if now == 35:
                del world.alone["holder"]
            seen.append(len(world.record.samples))
            return now >= 50

        world.loop.run(wait, alone=False)
        assert seen[12] == seen[32] == 2
        assert seen[-1] > 2
        assert len([said for said in world.said if "somebody holds the lock for `watch`" in said]) == 1

    def test_after_the_clock_went_back(self):
        world = Scaled()
        world.tick(3)
        world.clock._epoch_seconds -= 7200
        world.redis.now -= 7200
        overrun(world, 1)
        assert not replicated(world)
        assert any("the clock went back" in said for said in world.said)


class TestKilled:
    def test_wherever_a_decision_is_cut_off_the_next_run_comes_to_the_same_end(self):
        whole = overrun(Scaled(), 8)
        points = whole.fuse.passed
        assert pushed(whole)
        for point in range(points):
            world = Scaled()
            world.fuse.blow_after(point)
            for number in range(8):
                world.work("push", 3000, 60 + 10 * number, 25)
                try:
                    world.tick()
                except Killed:
                    world.fuse.mend()
                    world.again()
            for number in range(8):  # a kill may cost a cool-down, never the decision
                world.work("push", 3000, 140 + 10 * number, 25)
                world.tick()
            assert world.stack.wanted["sidekiq-push"] == whole.stack.wanted["sidekiq-push"], point
            assert world.state.load().scale["sidekiq-push"] == world.stack.wanted["sidekiq-push"], point

    def test_what_was_given_up_is_taken_back_by_the_next_run(self):
        world = Scaled()
        world.tick()
        state = replace(world.loop.state, original="open", set_by_us="approved", acted=True)
        world.loop.state = state
        world.database.rows[next(q for q in world.database.rows if "registrations_mode" in q)] = [
            ("10", "--- approved\n")
        ]
        world.tick()
        world.again()
        world.policy = replace(world.policy, mode="advise")
        world.again().tick()
        assert ("tootctl", "settings", "registrations", "open") in world.command.ran


class TestHolds:
    def test_a_held_service_is_left_alone_until_the_end_and_then_released(self):
        world = Scaled()
        end = world.clock.epoch_seconds() + 35
        world.state.save(Applied(holds={"sidekiq-push": (1, end)}))
        world.command.then = lambda _: world.state.save(Applied())
        overrun(world)
        assert not pushed(world)
        assert not world.command.ran
        world.tick()
        assert world.command.ran == [("scale", "release", "--over")]
        assert "a hold is over" in world.said

    def test_a_hold_that_cannot_be_ended_is_tried_again(self):
        world = Scaled("advise")
        world.state.save(Applied(holds={"web": (4, 1.0)}))
        world.command.answers["scale"] = (5, "somebody holds the lock\n")
        world.tick(2)
        assert len(world.command.ran) == 2
        assert "a hold cannot be ended: somebody holds the lock" in world.said

    def test_a_surge_that_is_over_is_ended(self):
        world = Scaled("off")
        world.state.save(Applied(surge_until=world.clock.epoch_seconds() + 15))
        world.command.then = lambda _: world.state.save(Applied())
        world.tick()
        assert not world.command.ran
        world.tick(2)
        assert world.command.ran == [("surge", "off")]


class TestExplain:
    def test_it_tells_the_last_day(self):
        world = overrun(Scaled())
        told = explain(world.record, world.clock)
        assert any("`sidekiq-push` 1 → 2" in line for line in told.lines)
        assert told.data["decisions"][0]["outcome"] == "done"

    def test_it_tells_a_moment_with_its_numbers(self):
        from datetime import datetime

        world = overrun(Scaled())
        now = datetime.fromtimestamp(world.clock.epoch_seconds()).astimezone()
        told = explain(world.record, world.clock, f"{now:%H:%M:%S}")
        assert any("push: 3000 jobs" in line for line in told.lines)
        assert told.data["seen"]["queues"]["push"][0] == 3000

    def test_it_says_when_nothing_was_recorded(self):
        world = Scaled()
        assert "nothing was recorded" in explain(world.record, world.clock).lines[0]
        world.tick()
        assert "nothing was decided" in explain(world.record, world.clock).lines[0]


class TestResident:
    def test_it_waits_while_another_one_works_and_survives_a_bug(self):
        world = Scaled()
        made = [RuntimeError("odd"), Busy("somebody watches"), Busy("somebody watches")]
        said: list[str] = []

        def make():
            if made:
                raise made.pop(0)
            resident.close()
            return world.loop

        beside = Beside(lambda work: work(), world.clock, said.append)
        resident = Resident(make, beside)
        world.beat()
        resident.start()
        assert [one for one in said if "this is a bug" in one]
        assert said.count("scaling waits: somebody watches") == 1
        names = {one.metric.name for one in resident.readings()}
        assert "instancectl_autoscaler_last_run_timestamp_seconds" in names
        assert "instancectl_autoscaler_replicas" in names
