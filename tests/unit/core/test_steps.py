"""Steps: what each says, and when there is nothing to do."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from instancectl.core import steps
from instancectl.core.applied import Applied
from instancectl.core.desired import Network
from instancectl.core.observed import Node, Observed, ServiceState, Task
from instancectl.core.service import ServiceSpec, UpdatePolicy
from instancectl.core.steps import Step, World
from tests.fakes import instance

WEB = ServiceSpec("web", "web:1", update=UpdatePolicy(order="start-first"))
RUNNING = Task("t1", 1, "running", "running", "web:1")
EMPTY = World(Observed(instance.engine()), Applied())


def world(**seen: object) -> World:
    return World(replace(EMPTY.observed, **seen), EMPTY.applied)


def applied(**record: object) -> World:
    return World(EMPTY.observed, replace(EMPTY.applied, **record))


def service(**changes: object) -> World:
    return world(services={"web": replace(ServiceState("id", WEB, tasks=(RUNNING,)), **changes)})


# (step, what its line says, a world in which it is done)
EVERY = [
    (steps.CreateSwarm("127.0.0.1"), "make this host a Swarm of one, advertised on 127.0.0.1", EMPTY),
    (steps.FetchImage("web:1"), "fetch the image web:1", applied(images={"web:1": "web:1@sha256:a"})),
    (
        steps.ShipImage("web:1", Node("two-id", "two")),
        "bring the image web:1 to two",
        applied(images={"web:1": "web:1"}, shipped={"two-id": ("web:1",)}),
    ),
    (
        steps.ShipImage("web:1", Node("two-id", "two")),
        "bring the image web:1 to two",
        applied(images={"web:1": "web:1@sha256:a"}),
    ),
    (
        steps.LabelNode("web", role=True),
        "let services run on this host (node label web)",
        world(engine=instance.engine(web="true")),
    ),
    (
        steps.LabelNode("data"),
        "pin the data to this host (node label data)",
        world(engine=instance.engine(data="true")),
    ),
    (
        steps.CreateNetwork(Network("backend", internal=True)),
        "create the network backend (no way out)",
        world(networks=frozenset({"backend"})),
    ),
    (
        steps.CreateNetwork(Network("edge")),
        "create the network edge",
        world(networks=frozenset({"edge"})),
    ),
    (steps.CreateVolume("db"), "create the volume db", world(volumes=frozenset({"db"}))),
    (steps.CreateSecret("env-1"), "create the secret env-1", world(secrets=frozenset({"env-1"}))),
    (steps.CreateConfig("conf-1"), "create the config conf-1", world(configs=frozenset({"conf-1"}))),
    (steps.EnsureService(WEB), "create the service web (1 × web:1)", service()),
    (
        steps.EnsureService(WEB, replace(WEB, image="web:0", memory_bytes=1)),
        "update the service web: image, memory bytes (start-first)",
        service(),
    ),
    (steps.WaitServices((WEB,)), "wait until web serves", service()),
    (
        steps.PrepareSchema("fresh", "web:1@sha256:a"),
        "create and seed the database schema (web:1)",
        applied(schema_before="web:1@sha256:a"),
    ),
    (
        steps.PrepareSchema("before", "web:2"),
        "run the migrations that the running release tolerates (web:2)",
        applied(schema_before="web:2"),
    ),
    (
        steps.PrepareSchema("after", "web:2"),
        "run the post-deployment migrations (web:2)",
        applied(schema_after="web:2"),
    ),
    (
        steps.FirstRunSettings("approved", True, 14, 0),
        "first-run settings: registrations approved, remote media kept 14 days, remote posts kept for ever",
        applied(settings_done=True),
    ),
    (
        steps.CreateOwner("admin", "admin@social.example"),
        "create the owner account @admin (admin@social.example)",
        applied(owner_done=True),
    ),
    (
        steps.Verify("abc"),
        "verify from outside: site, API, federation, streaming, queues",
        applied(verified="abc"),
    ),
    (steps.Remove("service", "mail"), "remove the service mail, which is no longer used", EMPTY),
]
IDS = [f"{step.kind}-{number}" for number, (step, _, _) in enumerate(EVERY)]
KINDS = {
    kind
    for kind in vars(steps).values()
    if isinstance(kind, type) and issubclass(kind, Step) and kind is not Step
}
UNDONE = {"create-swarm": world(engine=instance.engine("inactive")), "remove": world(services={"mail": None})}


@pytest.mark.parametrize(("step", "line", "done"), EVERY, ids=IDS)
def test_a_step_says_what_it_does_and_knows_when_it_is_done(step, line, done):
    assert step.summary() == line
    assert not step.satisfied_by(UNDONE.get(step.kind, EMPTY))
    assert step.satisfied_by(done)


def test_every_kind_of_step_is_in_the_table_above():
    assert {type(step) for step, _, _ in EVERY} == KINDS
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS, key=lambda kind: kind.kind))
def test_steps_are_values(kind):
    assert kind.__dataclass_params__.frozen
    assert all(item.name not in {"secret", "password", "content"} for item in fields(kind))


@pytest.mark.parametrize("holder", ["services", "secrets", "configs", "networks", "jobs"])
def test_a_removal_looks_where_its_kind_lives(holder):
    step = steps.Remove(holder.removesuffix("s"), "x")
    assert not step.satisfied_by(world(**{holder: {"x": ""} if holder in {"services", "jobs"} else {"x"}}))


class TestWaiting:
    @pytest.mark.parametrize("state", ["", "completed", "rollback_completed"])
    def test_it_is_over_once_every_replica_serves(self, state):
        assert steps.WaitServices((WEB,)).satisfied_by(service(update_state=state))

    @pytest.mark.parametrize("state", ["updating", "paused", "rollback_started", "rollback_paused"])
    def test_it_goes_on_while_an_update_does(self, state):
        assert not steps.WaitServices((WEB,)).satisfied_by(service(update_state=state))

    @pytest.mark.parametrize(
        "tasks",
        [
            (),
            (replace(RUNNING, state="starting"),),
            (replace(RUNNING, matches_spec=False),),
            (RUNNING, replace(RUNNING, id="t2")),
            (replace(RUNNING, wanted="shutdown"),),
        ],
        ids=["none", "starting", "old", "too many", "stopping"],
    )
    def test_it_goes_on_while_replicas_are_not_as_wanted(self, tasks):
        assert not steps.WaitServices((WEB,)).satisfied_by(service(tasks=tasks))

    def test_another_spec_is_not_what_it_waits_for(self):
        assert not steps.WaitServices((replace(WEB, replicas=2),)).satisfied_by(service())

    def test_several_are_named(self):
        both = steps.WaitServices((WEB, replace(WEB, name="streaming")))
        assert both.summary() == "wait until web, streaming serve"
        assert not both.satisfied_by(service())
