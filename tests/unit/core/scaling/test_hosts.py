"""Several hosts: what each has room for, where replicas go, and how they are spread again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.core import footprint
from instancectl.core.host.placement import allowed
from instancectl.core.monitoring.sidekiq import Process
from instancectl.core.monitoring.sight import Replica, Sight
from instancectl.core.observed import Node
from instancectl.core.scaling import hosts, keeping
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.rebalance import EVERY_SECONDS, PATIENCE_SECONDS, STEADY_SECONDS
from instancectl.core.scaling.sample import DatabaseSample, HostSample, QueueSample, Sample, ServiceSample
from instancectl.core.scaling.settings import Policy
from instancectl.core.scaling.state import State
from instancectl.core.sizes import Machine
from tests.unit.core.scaling.situations import (
    GB,
    START,
    THREADS,
    reference_layout,
    reference_policy,
    sample,
    settled,
)

PUSH, DEFAULT = "sidekiq-push", "sidekiq-default"
EACH = footprint.sidekiq_loaded(25)
LAYOUT = reference_layout(1000)


def policy(**changes: object) -> Policy:
    """Two hosts of 12 GB and six cores, and connections enough."""
    return replace(reference_policy(layout=LAYOUT, machine=Machine(24 * GB, 12)), **changes)


def host(name: str, free_gb: float = 6.0, **carries: int) -> HostSample:
    named = {f"sidekiq-{queue}": count for queue, count in carries.items()}
    room = int(free_gb * GB) + int(hosts.MEMORY_KEPT * 12 * GB)
    return HostSample(name, 6, 0.2, 12 * GB, room, named, dict(named), measured=name == "one")


class TestPlaces:
    @pytest.mark.parametrize(
        ("wanted", "may"),
        [
            ((), True),
            (("node.labels.instancectl.workers.s==true",), True),
            (("node.labels.instancectl.workers.s == true", "node.hostname!=one"), True),
            (("node.labels.instancectl.data.s!=true",), True),
            (("node.labels.instancectl.data.s==true",), False),
            (("node.hostname==one",), False),
            (("node.role==manager",), False),
            (("node.platform.os==linux",), False),
            (("nonsense",), False),
        ],
    )
    def test_a_host_may_run_what_its_labels_allow(self, wanted: tuple[str, ...], may: bool) -> None:
        two = Node("2", "two", labels={"instancectl.workers.s": "true"})
        assert allowed(wanted, two) is may
        assert not allowed(wanted, replace(two, state="down"))
        assert not allowed(wanted, replace(two, availability="drain"))


class TestSeen:
    def sight(self) -> Sight:
        def replica(service: str, slot: int, node: str, *, runs: bool = True) -> Replica:
            return Replica(service, slot, f"{service[-4:]}{slot}".ljust(64, "0"), {}, runs, node == "1", node)

        nodes = (
            Node("1", "one", memory_bytes=12 * GB, cores=6),
            Node("2", "two", memory_bytes=8 * GB, cores=4),
        )
        replicas = (
            replica(PUSH, 1, "1"), replica(PUSH, 2, "1", runs=False), replica(PUSH, 3, "2"),
            replica(DEFAULT, 1, "2", runs=False),
        )  # fmt: skip
        return Sight({PUSH: 3, DEFAULT: 1}, replicas, nodes=nodes, home="1", places={PUSH: (), DEFAULT: ()})

    def test_this_host_is_measured_and_the_other_is_reckoned(self) -> None:
        home = HostSample("this host", 6, 0.5, 12 * GB, 5 * GB)
        one, two = hosts.seen(LAYOUT, self.sight(), home, {"2": 1.0})
        assert (one.name, one.measured, one.used) == ("one", True, 0.5)
        assert one.available_bytes == 5 * GB - EACH  # the one that starts holds nothing yet
        assert (two.name, two.measured, two.used, two.cores) == ("two", False, 0.25, 4)
        taken = EACH + footprint.sidekiq_loaded(5)
        assert two.available_bytes == 8 * GB - footprint.system_reserve(8 * GB) - taken
        assert (one.carries[PUSH], two.carries[PUSH], two.serving[DEFAULT]) == (2, 1, 0)

    def test_with_one_host_nothing_is_different(self) -> None:
        home = HostSample("this host", 6, 0.5, 12 * GB, 5 * GB)
        assert hosts.seen(LAYOUT, replace(self.sight(), nodes=()), home, {}) == (home,)

    def test_a_host_that_is_down_offers_nothing(self) -> None:
        sight = self.sight()
        gone = replace(sight, nodes=(sight.nodes[0], replace(sight.nodes[1], state="down")))
        home = HostSample("this host", 6, 0.5, 12 * GB, 5 * GB)
        assert [one.name for one in hosts.seen(LAYOUT, gone, home, {})] == ["one"]

    def test_busy_threads_tell_how_busy_the_processor_is(self) -> None:
        def process(hostname: str, busy: int) -> Process:
            return Process("", hostname, "8", (), 0.0, False, busy, 25, 0, 0.0)

        beating = (process("push30000000", 15), process("ault10000000", 5), process("stranger0000", 5))
        used = hosts.working(LAYOUT, self.sight(), beating, 0.4)
        assert used == {"2": pytest.approx(15 * 0.01 / 0.3 + 0.9)}  # no more than a core has


class TestRefusal:
    def test_room_where_swarm_would_put_it_is_room(self) -> None:
        assert hosts.refusal((host("one", 0.1, push=2), host("two", 3.0, push=1)), PUSH, EACH) == ""

    def test_the_sum_alone_is_no_room(self) -> None:
        said = hosts.refusal((host("one", 0.2), host("two", 0.2)), PUSH, EACH)
        assert "no host has so much free" in said
        assert "`one` (190 MiB free), `two` (190 MiB free)" in said

    def test_a_full_host_that_is_next_is_named_and_the_one_with_room(self) -> None:
        said = hosts.refusal((host("one", 0.1, push=1), host("two", 5.0, push=2)), PUSH, EACH)
        assert "would choose `one` (95 MiB free)" in said
        assert "there is room on `two`" in said

    def test_a_service_that_may_run_nowhere(self) -> None:
        closed = replace(host("one"), accepts=frozenset({DEFAULT}))
        assert hosts.refusal((closed,), PUSH, EACH) == f"memory: no host that answers may run `{PUSH}`"


def crowd(at: float, seen: tuple[HostSample, ...], **changes: object) -> Sample:
    """Deliveries pile up; what runs is what the hosts carry."""
    count = sum(one.carries.get(PUSH, 0) for one in seen)
    crew = {"push": ServiceSample(count, busy=25 * count, cores=0.8 * count)}
    queues = {"push": QueueSample(20_000, 100.0, 25 * count, 3000)}
    return sample(at, hosts=seen, queues=queues, services=crew, database=DatabaseSample(2000, 60), **changes)


def test_a_decision_names_the_host_with_room() -> None:
    seen = (host("one", 2.0, push=3), host("two", 6.0))
    _, decisions = decide(policy(), settled(policy(), hosts=seen), crowd(START, seen))
    (one,) = [each for each in decisions if each.subject == PUSH and each.kind is Kind.REPLICAS]
    assert "room is on `two`" in one.reason


def test_what_no_host_has_room_for_is_refused_although_the_sum_would_do() -> None:
    seen = (host("one", 0.25, push=1), host("two", 0.25, push=1))
    _, decisions = decide(policy(), settled(policy(), hosts=seen), crowd(START, seen))
    assert not [one for one in decisions if one.subject == PUSH and one.changes]
    assert any("no host has so much free" in one.reason for one in decisions if one.subject == PUSH)


COUNTS = st.dictionaries(st.sampled_from(sorted(THREADS)), st.integers(0, 6), max_size=5)


@st.composite
def several(draw: st.DrawFn) -> tuple[HostSample, ...]:
    names = ("one", "two", "three", "four")[: draw(st.integers(2, 4))]
    return tuple(host(name, draw(st.floats(-1.0, 4.0)), **draw(COUNTS)) for name in names)


@given(several(), st.lists(st.sampled_from(sorted(THREADS)), min_size=1, max_size=3, unique=True))
@settings(max_examples=60)
def test_nothing_is_placed_above_a_hosts_room(seen: tuple[HostSample, ...], late: list[str]) -> None:
    crew = {
        queue: ServiceSample(count, busy=count * width, cores=0.5 * count)
        for queue, width in THREADS.items()
        for count in [sum(one.carries.get(f"sidekiq-{queue}", 0) for one in seen)]
    }
    queues = {queue: QueueSample(50_000, 3000.0, THREADS[queue], 5000) for queue in late}
    one_sample = sample(hosts=seen, services=crew, queues=queues, database=DatabaseSample(2000, 60))
    _, decisions = decide(policy(), State(), one_sample)
    left = {one.name: hosts.free(one) for one in seen}
    before, placed = seen, seen
    for one in decisions:
        if one.kind is Kind.REPLICAS and one.target > one.before:
            for _ in range(one.target - one.before):
                size = hosts.size(LAYOUT, one.subject)
                place = hosts.chosen(placed, one.subject)
                assert place is not None
                placed = hosts.taken(placed, one.subject, size)
                left[place.name] -= size
    grew = {one.name for one, was in zip(placed, before, strict=True) if one.carries != was.carries}
    assert all(left[name] >= 0 for name in grew)


def without(seen: tuple[HostSample, ...], service: str) -> tuple[HostSample, ...]:
    """One replica less: one that does not work, else where there are most, as Swarm does it."""
    crowded = max(
        seen,
        key=lambda one: (
            one.carries.get(service, 0) > one.serving.get(service, 0),
            one.carries.get(service, 0),
        ),
    )
    fewer = {**crowded.carries, service: crowded.carries[service] - 1}
    return tuple(replace(one, carries=fewer) if one is crowded else one for one in seen)


def serving(seen: tuple[HostSample, ...]) -> tuple[HostSample, ...]:
    """Everything works."""
    return tuple(replace(one, serving=dict(one.carries)) for one in seen)


@given(several())
@settings(max_examples=60)
def test_rebalancing_comes_to_an_end_and_never_goes_back(seen: tuple[HostSample, ...]) -> None:
    for service in (PUSH, DEFAULT):
        crowding, moves = None, 0
        while found := hosts.uneven(seen, service):
            assert crowding is None or found.crowding < crowding
            crowding, moves = found.crowding, moves + 1
            seen = serving(without(serving(hosts.taken(seen, service, EACH)), service))
            assert moves <= found.replicas
        counts = [one.carries.get(service, 0) for one in seen]
        assert max(counts) - min(counts) < hosts.UNEVEN


class Cluster:
    """Two hosts under the policy, with a load that asks for no other numbers; Swarm does what it does."""

    def __init__(self, *seen: HostSample, **changes: object) -> None:
        self.policy, self.seen, self.now, self.boots = policy(**changes), seen, START, True
        self.state = State()
        self.log: list[tuple[float, Decision]] = []

    def run(self, seconds: int) -> Cluster:
        for _ in range(seconds // 10):
            self.now += 10
            self.tick()
        return self

    def tick(self) -> None:
        crews, queues = {}, {}
        for queue, width in THREADS.items():
            count = sum(one.serving.get(f"sidekiq-{queue}", 0) for one in self.seen)
            busy = int(0.65 * width * count)
            crews[queue], queues[queue] = ServiceSample(count, busy=busy), QueueSample(0, 0.0, busy)
        now = sample(
            self.now, hosts=self.seen, services=crews, queues=queues, database=DatabaseSample(2000, 60)
        )
        self.state, decisions = decide(self.policy, self.state, now)
        for one in decisions:
            if one.rule == "rebalance":
                self.log.append((self.now, one))
            if one.act and one.kind is Kind.MOVE:
                self.swarm(one)

    def swarm(self, one: Decision) -> None:
        if one.target > one.before:
            self.seen = hosts.taken(self.seen, one.subject, EACH)
            self.seen = serving(self.seen) if self.boots else self.seen
        else:
            self.seen = serving(without(self.seen, one.subject))

    def moves(self) -> list[tuple[float, Decision]]:
        return [(at, one) for at, one in self.log if one.kind is Kind.MOVE]

    def counts(self, service: str = PUSH) -> list[int]:
        return [one.carries.get(service, 0) for one in self.seen]


ONE = {"default": 1, "ingress": 1, "mailers": 1, "pull": 1}


class TestRebalance:
    def test_a_host_that_joined_gets_its_share_one_after_the_other(self) -> None:
        world = Cluster(host("one", push=4, **ONE)).run(300)
        assert not world.log
        world.seen = (*world.seen, host("two"))
        world.run(1800)
        assert world.counts() == [2, 2]
        moves = world.moves()
        assert [(one.target, one.before) for _, one in moves] == [(5, 4), (4, 5), (5, 4), (4, 5)]
        assert "goes from `one` to `two`" in moves[0][1].reason
        assert "it starts first" in moves[0][1].reason
        assert moves[0][0] - START >= 300 + STEADY_SECONDS
        assert moves[2][0] - moves[1][0] >= EVERY_SECONDS

    def test_a_host_that_comes_and_goes_moves_nothing(self) -> None:
        world = Cluster(host("one", push=4, **ONE)).run(100)
        both = (*world.seen, host("two"))
        for _ in range(10):
            world.seen = both
            world.run(int(STEADY_SECONDS) - 20)
            world.seen = both[:1]
            world.run(20)
        assert not world.moves()

    def test_a_replica_that_never_works_is_taken_back_and_not_tried_again(self) -> None:
        world = Cluster(host("one", push=4, **ONE), host("two"))
        world.boots = False
        world.run(3600)
        (_, began), (ended_at, ended) = world.moves()
        assert (began.target, ended.target) == (5, 4)
        assert "given up" in ended.reason
        assert ended_at - START >= PATIENCE_SECONDS

    def test_a_move_that_swarm_did_not_make_even_is_not_repeated(self) -> None:
        world = Cluster(host("one", push=4, **ONE), host("two"))

        def stubborn(one: Decision) -> None:
            world.seen = tuple(
                replace(each, carries={**each.carries, PUSH: one.target if each.name == "one" else 0})
                for each in world.seen
            )
            world.seen = serving(world.seen)

        world.swarm = stubborn  # type: ignore[method-assign]
        world.run(3600)
        assert len(world.moves()) == 2
        assert "the last move did not spread it" in world.log[-1][1].reason

    def test_somebody_elses_number_stands(self) -> None:
        world = Cluster(host("one", push=4, **ONE), host("two"))
        world.boots = False
        world.run(20)
        assert len(world.moves()) == 1
        world.seen = (host("one", push=3, **ONE), host("two", push=3))
        world.run(600)
        assert len(world.moves()) == 1
        assert "somebody else made 6 replicas" in world.log[-1][1].reason

    def test_without_room_for_one_more_it_waits_and_says_so(self) -> None:
        world = Cluster(host("one", push=4, **ONE), host("two", 0.1)).run(600)
        assert not world.moves()
        assert "for a moment there is one more, and memory" in world.log[0][1].reason

    def test_what_a_person_holds_stays_where_it_is(self) -> None:
        assert not Cluster(host("one", push=4, **ONE), host("two"), holds={PUSH: 4}).run(600).moves()

    def test_advice_moves_nothing(self) -> None:
        world = Cluster(host("one", push=4, **ONE), host("two"), mode="advise").run(600)
        (_, one), *more = world.moves()
        assert not one.act
        assert not more
        assert world.counts() == [4, 0]

    def test_it_is_taken_back_when_nobody_acts_any_more(self) -> None:
        world = Cluster(host("one", push=4, **ONE), host("two"))
        world.boots = False
        world.run(20)
        world.policy = replace(world.policy, mode="advise")
        world.run(10)
        assert sum(world.counts()) == 4
        assert world.state.move.service == ""

    def test_a_move_survives_a_restart_of_the_agent(self) -> None:
        world = Cluster(host("one", push=4, **ONE), host("two"))
        world.boots = False
        world.run(20)
        assert keeping.restored(keeping.plain(world.state)) == world.state
        assert world.state.move.service == PUSH

    def test_a_service_may_not_move_to_a_host_that_is_not_for_it(self) -> None:
        closed = replace(host("two"), accepts=frozenset({"web"}))
        assert not Cluster(host("one", push=4, **ONE), closed).run(600).log
