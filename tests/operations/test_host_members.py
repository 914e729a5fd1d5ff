"""On the manager and on the host that joins: invite, join, settle, drain, dismiss."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from instancectl.core.applied import Applied
from instancectl.core.host.record import HostRecord, Mesh
from instancectl.core.result import Status
from instancectl.core.secrets import Secret
from instancectl.core.service import ServiceSpec
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.host import admit, drain, join, ship_images
from instancectl.operations.host import nodes as listing
from tests.fakes import instance
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import TOKEN, FakeCluster
from tests.fakes.images import FakeCourier, FakeImages
from tests.fakes.journal import FakeJournal
from tests.fakes.lock import FakeLock
from tests.fakes.reporter import FakeReporter
from tests.fakes.state import FakeState
from tests.fakes.swarm import FakeSwarm

STACK = "social-example"
BUCKET = {"storage": "s3", "s3_bucket": "media"}
RECORD = HostRecord("1", "one", "admin", 22, True, (), Mesh("10.86.0.1", "key", 51820))
TWO = "10.86.0.2"
WORKERS = f"instancectl.workers.{STACK}"
DIGEST = "web:1@sha256:" + "a" * 64


class World:
    """One manager `one` with the data, and a host `two` that has not joined yet."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.swarm = FakeSwarm(self.clock)
        self.swarm.labels[f"instancectl.data.{STACK}"] = "true"
        self.state = FakeState()
        self.state.save(Applied(images={"web:1": "web:1", "streaming:1": "streaming:1"}))
        self.journal, self.reporter, self.lock = FakeJournal(), FakeReporter(), FakeLock()
        self.store = FakeImages({"web:1": b"web", "streaming:1": b"streaming"})
        self.courier = FakeCourier({TWO: FakeImages({})})
        self.courier.on_leave = self._leaves
        self.newcomer = FakeCluster.newcomer(self.swarm, "two")
        self.manager = FakeCluster(self.swarm)
        self.trusted: dict[str, tuple[str, ...]] = {}
        self.authorised: list[tuple[str, str]] = []

    def _leaves(self, address: str) -> None:
        self.swarm.hosts.get("two-id").state = "down"

    def around(self, **changes: object) -> admit.Surroundings:
        made = admit.Surroundings(
            instance.config(media=BUCKET), self.manager, self.store, self.courier, self.state, self.journal,
            self.lock, self.reporter, self.clock, RECORD, lambda: "ssh-ed25519 AAAA courier",
            lambda address, keys: self.trusted.update({address: tuple(keys)}),
        )  # fmt: skip
        return replace(made, **changes)

    def invitation(self) -> join.Invitation:
        said = admit.invite("two", ["workers"], self.around()).data
        return join.Invitation(said["manager"], Secret(said["token"]), TWO, said["courier_key"], "admin")

    def join(self):
        return join.join(
            self.invitation(),
            self.newcomer,
            lambda *pair: self.authorised.append(pair),
            lambda: ("ssh-rsa A",),
        )

    def settle(self, *roles: str):
        newcomer = admit.Newcomer("two-id", "two", TWO, roles or ("workers",), ("ssh-rsa A",))
        return admit.settle(newcomer, self.around())

    def labels(self) -> dict[str, str]:
        return self.swarm.hosts.get("two-id").labels

    def run(self, name: str = "sidekiq-push", replicas: int = 1, **changes: object) -> None:
        """Have a service that needs the role `workers` and stays off the first host."""
        constraints = (f"node.labels.{WORKERS}==true",)
        spec = replace(ServiceSpec(name, "web:1"), replicas=replicas, constraints=constraints)
        self.swarm.create_service(STACK, replace(spec, **changes))
        self.clock.sleep(3)
        self.swarm.observe(STACK)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def joined(world):
    world.join()
    world.settle()
    return world


class TestInviting:
    def test_the_invitation_holds_everything_a_host_needs(self, world):
        said = admit.invite("two", ["workers"], world.around()).data
        assert said["manager"] == "10.86.0.1:2377"
        assert said["token"] == TOKEN
        assert said["settings"]["admin_user"] == "admin"

    def test_the_token_is_not_among_the_lines_for_people(self, world):
        result = admit.invite("two", ["workers"], world.around())
        assert TOKEN not in "\n".join((*result.lines, *result.notes))

    @pytest.mark.parametrize("role", ["web", "workers"])
    def test_local_media_are_refused_before_anything_is_touched(self, world, role):
        with pytest.raises(Refused, match="media are on the disk of one host"):
            admit.invite("two", [role], world.around(config=instance.config()))
        assert world.swarm.did == []

    def test_an_instance_that_is_not_deployed_takes_in_nobody(self, world):
        world.swarm.swarm = "inactive"
        with pytest.raises(Refused, match="not deployed"):
            admit.invite("two", ["workers"], world.around())

    @pytest.mark.parametrize("address", ["127.0.0.1:2377", "203.0.113.7:2377"])
    def test_a_swarm_where_nobody_reaches_it_is_refused_with_the_way_out(self, world, address):
        world.swarm.hosts.first.manager_address = address
        with pytest.raises(Refused, match="Docker cannot move it") as refused:
            admit.invite("two", ["workers"], world.around())
        assert "destroy --keep-data" in refused.value.hint

    def test_an_address_that_the_admin_chose_is_believed(self, world):
        world.swarm.hosts.first.manager_address = "192.0.2.1:2377"
        config = instance.config(media=BUCKET, swarm={"advertise_address": "192.0.2.1"})
        said = admit.invite("two", ["workers"], world.around(config=config, record=None)).data
        assert said["manager"] == "192.0.2.1:2377"


class TestAssigning:
    """What the host with the data is for, beside the data."""

    def labels(self, world) -> set[str]:
        return {key.split(".")[1] for key in world.swarm.labels if key.endswith(STACK)}

    def test_it_is_left_to_the_database(self, world):
        world.swarm.hosts.add("two", {WORKERS: "true", f"instancectl.web.{STACK}": "true"})
        world.swarm.labels[f"instancectl.web.{STACK}"] = "true"
        told = admit.assign(["db"], world.around())
        assert told.status is Status.CHANGED
        assert self.labels(world) == {"data", "db"}
        assert admit.assign(["db"], world.around()).status is Status.UNCHANGED
        admit.assign(["db", "web", "workers"], world.around())
        assert self.labels(world) == {"data", "db", "web", "workers"}

    def test_what_nobody_else_is_for_is_said(self, world):
        world.swarm.hosts.add("two", {WORKERS: "true"})
        told = admit.assign(["db"], world.around())
        assert any("role web stays there" in line for line in told.lines)

    def test_alone_it_is_for_everything(self, world):
        with pytest.raises(Refused, match="no other host has the role"):
            admit.assign(["db"], world.around())
        assert self.labels(world) == {"data"}

    def test_the_database_stays(self, world):
        world.swarm.hosts.add("two", {WORKERS: "true"})
        with pytest.raises(Refused, match="that stays"):
            admit.assign(["web"], world.around())


class TestJoining:
    def test_a_host_joins_once(self, world):
        first, second = world.join(), world.join()
        assert (first.status, second.status) == (Status.CHANGED, Status.UNCHANGED)
        assert first.data == second.data == {"node_id": "two-id", "host_keys": ["ssh-rsa A"]}
        assert set(world.authorised) == {("admin", "ssh-ed25519 AAAA courier")}

    @pytest.mark.parametrize("state", ["pending", "error", "locked"])
    def test_what_a_failed_attempt_left_is_cleaned_first(self, world, state):
        world.newcomer.state = state
        world.join()
        assert world.newcomer.left == 1
        assert world.newcomer.state == "active"

    def test_a_manager_that_does_not_answer_is_named_with_what_to_look_at(self, world):
        world.newcomer.unreachable = True
        with pytest.raises(OperationFailed, match=r"10\.86\.0\.1:2377") as failed:
            world.join()
        assert "51820/udp" in failed.value.hint
        assert TOKEN not in failed.value.message


class TestSettling:
    def test_a_host_gets_its_images_before_its_role(self, world):
        world.join()
        world.courier.hosts[TWO].full = True
        with pytest.raises(OperationFailed, match="is not there"):
            world.settle()
        assert world.labels() == {}
        world.courier.hosts[TWO].full = False
        world.settle()
        assert world.labels() == {WORKERS: "true"}
        assert world.courier.hosts[TWO].images == {"web:1": b"web"}
        assert world.trusted == {TWO: ("ssh-rsa A",)}

    def test_settling_twice_changes_nothing(self, joined):
        before = list(joined.swarm.did)
        assert joined.settle().status is Status.UNCHANGED
        assert joined.swarm.did == before

    def test_other_roles_replace_the_old_ones(self, joined):
        joined.settle("web", "monitoring")
        assert joined.labels() == {f"instancectl.{role}.{STACK}": "true" for role in ("web", "monitoring")}
        assert "streaming:1" in joined.courier.hosts[TWO].images

    def test_a_member_of_another_swarm_is_refused(self, world):
        with pytest.raises(Refused, match="a member of another Swarm"):
            world.settle()

    def test_a_host_that_does_not_get_ready_is_not_waited_for_for_ever(self, world):
        world.join()
        world.swarm.hosts.get("two-id").state = "down"
        with pytest.raises(OperationFailed, match="`down` after 60 s"):
            world.settle()


class TestBringingImages:
    def test_what_is_there_is_not_sent_again(self, joined):
        joined.reporter.notes.clear()
        result = joined.settle()
        assert result.data["images"] == {"web:1": "there"}
        assert joined.reporter.notes == []

    def test_an_image_of_the_same_name_with_other_content_is_replaced(self, joined):
        joined.store.images["web:1"] = b"built anew"
        joined.settle()
        assert joined.courier.hosts[TWO].images["web:1"] == b"built anew"

    def test_what_a_registry_has_is_pulled(self, world):
        world.join()
        world.state.save(Applied(images={"web:1": DIGEST}))
        world.courier.hosts[TWO].registry[DIGEST] = b"web"
        assert world.settle().data["images"] == {"web:1": "pulled"}
        assert world.state.load().images == {"web:1": DIGEST}

    def test_a_host_without_a_registry_is_sent_it_and_knows_it_by_name(self, world):
        world.join()
        world.state.save(Applied(images={"web:1": DIGEST}))
        assert world.settle().data["images"] == {"web:1": "sent, 3 B"}
        recorded = world.state.load()
        assert recorded.images == {"web:1": "web:1"}
        assert recorded.cut_off == ("two-id",)
        assert recorded.shipped == {"two-id": ("web:1",)}

    def test_an_image_that_is_not_on_the_manager_is_named(self, world):
        world.join()
        del world.store.images["web:1"]
        with pytest.raises(OperationFailed, match="`web:1` to `two`: it is not on this host"):
            world.settle()

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("rm", "-rf", "/"),
            ("have", "--all"),
            ("pull", "a", "b"),
            ("load", "x"),
            ("leave", "now"),
            ("sh",),
        ],
    )
    def test_the_couriers_key_can_do_nothing_else(self, world, words):
        with pytest.raises(Refused, match="cannot do that here"):
            ship_images.serve(words, iter(()), world.store, world.newcomer)
        assert world.newcomer.left == 0

    def test_the_four_things_it_can_do(self, world):
        here = FakeImages({})

        def serve(*words, chunks=()):
            return ship_images.serve(words, iter(chunks), here, world.newcomer).data

        assert serve("have", "web:1") == {"images": {"web:1": ""}}
        assert serve("pull", "web:1") == {"pulled": False}
        serve("load", chunks=world.store.export("web:1"))
        assert serve("have", "web:1")["images"]["web:1"] == world.store.image_id("web:1")
        serve("leave")
        assert world.newcomer.left == 1


class TestListing:
    def test_every_host_is_shown_with_what_runs_there(self, joined):
        joined.run(replicas=2)
        hosts = {host["name"]: host for host in listing.show(STACK, joined.manager).data["hosts"]}
        assert hosts["one"]["data"]
        assert hosts["two"]["roles"] == ["workers"]
        assert hosts["two"]["services"] == {"sidekiq-push": 2}
        assert hosts["one"]["services"] == {}
        assert json.dumps(hosts)

    def test_a_host_without_a_swarm_says_what_to_do(self, world):
        world.swarm.swarm = "inactive"
        with pytest.raises(Refused, match="does not manage a Swarm"):
            listing.show(STACK, world.manager)


class TestDraining:
    def drain(self, world, name="two"):
        return drain.drain(STACK, name, world.manager, world.journal, world.lock, world.clock)

    def test_a_drained_host_runs_nothing_and_what_has_no_place_is_told(self, joined):
        joined.run()
        result = self.drain(joined)
        assert result.data["homeless"] == {"sidekiq-push": 1}
        hosts = {host["name"]: host for host in listing.show(STACK, joined.manager).data["hosts"]}
        assert hosts["two"]["services"] == {}
        assert self.drain(joined).status is Status.UNCHANGED

    def test_undone_it_takes_replicas_again(self, joined):
        joined.run()
        self.drain(joined)
        assert drain.undo("two", joined.manager, joined.journal, joined.lock).status is Status.CHANGED
        joined.clock.sleep(3)
        hosts = {host["name"]: host for host in listing.show(STACK, joined.manager).data["hosts"]}
        assert hosts["two"]["services"] == {"sidekiq-push": 1}
        assert drain.undo("two", joined.manager, joined.journal, joined.lock).status is Status.UNCHANGED

    def test_the_host_with_the_data_is_never_emptied(self, joined):
        with pytest.raises(Refused, match="it holds the database"):
            self.drain(joined, "one")
        with pytest.raises(Refused, match="it holds the database"):
            admit.dismiss("one", joined.around())

    def test_a_host_nobody_knows_is_told_with_the_known_ones(self, joined):
        with pytest.raises(Refused, match="no host is called `three`") as refused:
            self.drain(joined, "three")
        assert "`one`, `two`" in refused.value.hint


class TestLastToServe:
    """Nobody empties the only host that answers."""

    @pytest.fixture
    def left(self, world):
        """The first host is left to the database; `two` serves."""
        world.swarm.labels[f"instancectl.db.{STACK}"] = "true"
        world.swarm.hosts.add("two", {f"instancectl.web.{STACK}": "true"})
        return world

    def test_it_is_not_drained(self, left):
        with pytest.raises(Refused, match="only host with the role `web`"):
            drain.drain(STACK, "two", left.manager, left.journal, left.lock, left.clock)
        assert left.swarm.hosts.get("two-id").availability == "active"

    def test_it_is_not_removed(self, left):
        with pytest.raises(Refused) as refused:
            admit.dismiss("two", left.around())
        assert "--role db --role web --role workers" in refused.value.hint

    def test_dead_it_may_go(self, left):
        left.swarm.hosts.get("two-id").state = "down"
        assert admit.dismiss("two", left.around()).status is Status.CHANGED

    def test_with_another_it_may_go(self, left):
        left.swarm.hosts.add("three", {f"instancectl.web.{STACK}": "true"})
        drain.drain(STACK, "two", left.manager, left.journal, left.lock, left.clock)


class TestDismissing:
    def test_a_host_is_emptied_told_to_leave_and_forgotten(self, joined):
        joined.run()
        result = admit.dismiss("two", joined.around())
        assert result.data["answered"]
        assert joined.courier.left == [TWO]
        assert [node.name for node in joined.manager.nodes()] == ["one"]
        assert joined.state.load().shipped == {}

    @pytest.mark.parametrize("state", ["down", "ready"])
    def test_a_dead_host_is_forgotten(self, joined, state):
        """Swarm may not have noticed yet."""
        joined.run()
        joined.swarm.hosts.get("two-id").state = state
        joined.courier.down.add(TWO)
        result = admit.dismiss("two", joined.around())
        assert not result.data["answered"]
        assert [node.name for node in joined.manager.nodes()] == ["one"]

    def test_a_second_run_finds_nothing_to_do(self, joined):
        admit.dismiss("two", joined.around())
        again = admit.dismiss("two", joined.around())
        assert again.status is Status.UNCHANGED
        assert not again.data["was_member"]
