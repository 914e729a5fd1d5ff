"""The live loop and `scale rebalance` on two hosts, of which only the first has anything of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.host.placement import rooms
from instancectl.core.layout import Machine
from instancectl.core.monitoring.sight import Replica, Sight
from instancectl.core.observed import Node, Observed
from instancectl.core.result import Status
from instancectl.core.scaling import hosts
from instancectl.core.scaling.sample import DatabaseSample, HostSample, Sample
from instancectl.core.scaling.settings import policy_for
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.scaling import explaining
from instancectl.operations.scaling.by_hand import ByHand, Surroundings
from instancectl.operations.scaling.spreading import rebalance
from tests.fakes import instance
from tests.fakes.site import STACK, Site
from tests.operations.scaled import Scaled

GIB = 1024**3
BUCKET = {"storage": "s3", "s3_bucket": "media"}
PUSH = "sidekiq-push"


class Pair:
    """The loop on two hosts: everything is on the first, the second has just joined."""

    def __init__(self, memory: int = 8 * GIB) -> None:
        self.world = world = Scaled(media=instance.config(media=BUCKET).media)
        role = f"instancectl.workers.{world.config.stack}"
        data = f"instancectl.data.{world.config.stack}"
        one = Node("1", "one", labels={data: "true"}, cores=4, memory_bytes=16 * GIB)
        two = Node("2", "two", labels={role: "true"}, cores=4, memory_bytes=memory)
        world.stack.on = {name: ["1"] * number for name, number in world.stack.wanted.items()}
        at_home = {
            name: (f"node.labels.{data}==true",) for name in world.stack.wanted if "sidekiq-" not in name
        }
        world.stack.places, world.stack.nodes = at_home, (one, two)

    def late(self) -> None:
        for _ in range(4):
            self.world.work("push", size=3000, latency=90, busy=25)
            self.world.tick()


class TestLoop:
    def test_the_first_look_at_other_hosts_changes_nothing_and_says_so(self):
        pair = Pair()
        pair.world.work("push", size=3000, latency=90, busy=25)
        pair.world.tick()
        assert any("the hosts of the Swarm are others than before" in said for said in pair.world.said)
        assert not [did for did in pair.world.hand.did if did[0] == "replicate"]

    def test_cores_and_memory_of_all_hosts_count(self):
        pair = Pair()
        pair.world.tick()
        pair.world.tick()
        _, policy = pair.world.loop.last
        assert policy.machine.cores == 8
        assert policy.layout.share(PUSH).hosts == 2

    def test_workers_grow_onto_the_other_host_which_is_named(self):
        pair = Pair()
        pair.late()
        assert "2" in pair.world.stack.on[PUSH]
        said = next(said for said in pair.world.said if said.startswith(f"`{PUSH}`") and "→" in said)
        assert "room is on `two`" in said
        assert pair.world.hand.most[PUSH] == -(-pair.world.stack.wanted[PUSH] // 2)

    def test_a_host_that_is_full_is_not_asked_for_more(self):
        pair = Pair(memory=GIB)
        pair.world.host.ram = replace(pair.world.host.ram, available_bytes=2 * GIB)
        pair.world.stack.on["sidekiq-default"] += ["2"] * 2
        pair.world.stack.wanted["sidekiq-default"] += 2
        for _ in range(2):
            pair.world.work("push", size=3000, latency=90, busy=25)
            pair.world.tick()
        assert pair.world.stack.on[PUSH] == ["1"]
        assert any(
            "would choose `two` (88 MiB free); there is room on `one`" in said for said in pair.world.said
        )

    def test_what_each_host_carried_is_explained(self):
        pair = Pair()
        pair.world.tick()
        pair.world.tick()
        at = pair.world.clock.epoch_seconds()
        (_, row), *_ = reversed(pair.world.record.rows(at - 1, at + 1))
        told = "\n".join(explaining._numbers(row))
        assert "one: processor" in told
        assert "two: processor 0% used" in told
        assert f"1 × {PUSH}" in told

    def test_a_replica_moves_to_the_host_that_joined(self):
        pair = Pair()
        pair.world.stack.on[PUSH], pair.world.stack.wanted[PUSH] = ["1", "1"], 2
        for _ in range(40):
            pair.world.busy["push"] = 32
            pair.world.tick()
        moves = [did[2] for did in pair.world.hand.did if did[:2] == ("replicate", PUSH)]
        assert moves[:2] == [3, 2]
        assert sorted(pair.world.stack.on[PUSH]) == ["1", "2"]
        assert PUSH not in pair.world.state.load().scale
        entry = next(one for one in pair.world.journal.written if one.get("service") == PUSH)
        assert "goes from `one` to `two`" in entry["why"]

    def test_puma_elsewhere_counts_and_is_left_alone(self):
        pair = Pair()
        pair.world.stack.on["web"] = ["2"]
        pair.world.tick(3)
        sample, _ = pair.world.loop.last
        assert sample.web.elsewhere == sample.web.processes == pair.world.policy.layout.web.processes
        assert not [one for one in pair.world.said if one.startswith("`web` ")]


class Handled:
    """Two deployed hosts; a reading says what the Swarm in memory has."""

    def __init__(self, memory: int = 8 * GIB) -> None:
        self.site = Site()
        self.site.swarm.cores, self.site.swarm.memory_bytes = 4, 16 * GIB
        self.config = instance.config(
            media=BUCKET, database={"max_connections": 400}, services={PUSH: {"replicas": 4}}
        )
        self.site.deployment(self.config).deploy()
        self.site.swarm.hosts.add("two", {f"instancectl.workers.{STACK}": "true"}, memory_bytes=memory)
        self.swarm = self.site.swarm

    def sight(self, observed: Observed) -> Sight:
        replicas = tuple(
            Replica(name, task.slot, task.container_id, {}, task.state == "running", task.node_id == "node1",
                    task.node_id)
            for name, state in observed.services.items() for task in state.tasks if task.wanted == "running"
        )  # fmt: skip
        wanted = {name: state.spec.replicas for name, state in observed.services.items()}
        here = (f"node.labels.instancectl.data.{STACK}==true",)
        places = {name: () if name.startswith("sidekiq-") else here for name in wanted}
        return Sight(wanted, replicas, nodes=observed.nodes, home="node1", places=places)

    def sample(self) -> Sample:
        observed = self.swarm.observe(STACK)
        home = HostSample("this host", 4, 0.2, 16 * GIB, 8 * GIB)
        seen = hosts.seen(self.policy(observed).layout, self.sight(observed), home, {})
        return Sample(at=1.0, hosts=seen, database=DatabaseSample(400, 20))

    def policy(self, observed: Observed):
        others = rooms(STACK, observed.nodes)
        machine = Machine(observed.engine.memory_bytes, observed.engine.cores)
        return policy_for(self.config, machine, others)

    def around(self) -> Surroundings:
        site = self.site
        return Surroundings(
            stack=STACK, policy=self.policy, sample=lambda _: self.sample(), swarm=site.swarm,
            state=site.state, journal=site.journal, lock=site.lock.hold, reporter=site.reporter,
            clock=site.clock,
        )  # fmt: skip

    def nodes(self) -> list[str]:
        tasks = self.swarm.service(STACK, PUSH).tasks
        return sorted(task.node_id for task in tasks if task.wanted == "running")


class TestByHand:
    def test_replicas_are_spread_one_at_a_time_and_a_second_run_changes_nothing(self):
        handled = Handled()
        assert handled.nodes() == ["node1"] * 4
        told = rebalance(handled.around())
        assert told.status is Status.CHANGED
        assert handled.nodes() == ["node1", "node1", "two-id", "two-id"]
        first = next(line for line in told.lines if PUSH in line)
        assert first.startswith(f"`{PUSH}`: one of 4 replicas goes from `one`")
        assert not handled.site.state.load().scale
        assert rebalance(handled.around()).status is Status.UNCHANGED

    def test_a_dry_run_only_says_what_would_move_and_what_room_there_is(self):
        handled = Handled()
        told = rebalance(handled.around(), dry_run=True)
        assert told.status is Status.OK
        assert told.lines[0].startswith(f"would begin: `{PUSH}`")
        assert any(line.startswith("`two`: ") and "reckoned" in line for line in told.lines)
        assert handled.nodes() == ["node1"] * 4

    def test_a_host_without_room_is_refused_with_the_numbers(self):
        handled = Handled(memory=512 * 1024**2)
        with pytest.raises(Refused, match=r"for a moment there is one more, and memory: 318 MiB needed"):
            rebalance(handled.around())
        assert handled.nodes() == ["node1"] * 4

    def test_a_replica_that_does_not_work_there_stops_it_and_the_old_ones_stay(self):
        handled = Handled()
        handled.swarm.broken_images.add(handled.site.spec("web").image)
        with pytest.raises(OperationFailed, match="does not run with 5 processes"):
            rebalance(handled.around())
        running = [task for task in handled.swarm.service(STACK, PUSH).tasks if task.state == "running"]
        assert len(running) == 4

    def test_show_says_what_each_host_has_room_for(self):
        handled = Handled()
        told = ByHand(handled.around()).show()
        assert [one["name"] for one in told.data["hosts"]] == ["one", "two"]
        assert any(line.startswith("`one`: ") and f"4 × {PUSH}" in line for line in told.lines)
