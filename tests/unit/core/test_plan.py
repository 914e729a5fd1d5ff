"""The plan: what is not satisfied yet, in an order that serves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core import topology
from instancectl.core.applied import Applied
from instancectl.core.observed import Observed, ServiceState, Task
from instancectl.core.plan import plan, sequence, signature
from instancectl.core.scaling.chosen import counted
from instancectl.core.steps import EnsureService, PrepareSchema, Remove, Verify, WaitServices, World
from tests.fakes import instance

DESIRED = instance.desired()
FIRST_RUN = instance.first_run()


def task(number: int = 1, **changes: object) -> Task:
    return replace(Task(f"t{number}", number, "running", "running", "web:1"), **changes)


def serving(spec):
    return ServiceState(f"id-{spec.name}", spec, tasks=tuple(task(n + 1) for n in range(spec.replicas)))


def deployed(desired=DESIRED) -> World:
    """The world after a complete deploy of `desired`."""
    labels = {desired.node_label: "true"}
    observed = Observed(
        replace(instance.engine(), node_labels=labels),
        services={spec.name: serving(spec) for spec in desired.services},
        networks=frozenset(network.name for network in desired.networks),
        volumes=frozenset(desired.volumes),
        secrets=frozenset(desired.secrets),
        configs=frozenset(desired.configs),
    )
    applied = Applied(
        local_domain="social.example",
        schema_before="web:1",
        schema_after="web:1",
        settings_done=True,
        owner_done=True,
        verified=signature(desired),
        images=dict(desired.images),
    )
    return World(observed, applied)


def planned(desired, world):
    return plan(desired, FIRST_RUN, desired.images["web:1"], world)


def kinds(steps):
    return [step.kind for step in steps]


def test_nothing_is_planned_for_what_is_deployed():
    assert not planned(DESIRED, deployed())


def test_from_nothing_every_step_is_planned():
    steps = planned(DESIRED, instance.nothing()).steps
    assert steps == tuple(sequence(DESIRED, FIRST_RUN, "web:1", instance.nothing()))
    assert kinds(steps)[0] == "create-swarm"
    assert kinds(steps)[-1] == "verify"
    assert {step.spec.name for step in steps if isinstance(step, EnsureService)} == {
        spec.name for spec in DESIRED.services
    }


def test_what_a_service_needs_is_created_before_it():
    steps = planned(DESIRED, instance.nothing()).steps
    first_service = kinds(steps).index("ensure-service")
    for kind in ("create-network", "create-volume", "create-secret", "create-config", "label-node"):
        last = len(steps) - 1 - kinds(steps)[::-1].index(kind)
        assert last < first_service


def test_the_schema_is_prepared_between_the_database_and_what_uses_it():
    steps = planned(DESIRED, instance.nothing()).steps
    position = kinds(steps).index("prepare-schema")
    before = {name for step in steps[:position] if isinstance(step, WaitServices) for name in step.names}
    after = {step.spec.name for step in steps[position:] if isinstance(step, EnsureService)}
    assert {"db", "redis"} <= before
    assert {"web", "streaming", "sidekiq"} <= after


def test_the_edge_opens_last():
    steps = planned(DESIRED, instance.nothing()).steps
    waits = [step.names for step in steps if isinstance(step, WaitServices)]
    assert waits[-1] == ("proxy",)
    assert {"web", "streaming", "cache"} <= set(waits[-2])


def test_settings_are_made_while_the_application_starts_and_the_door_is_closed():
    steps = planned(DESIRED, instance.nothing()).steps
    kind = [step.kind for step in steps]
    settings = kind.index("first-run-settings")
    assert kind.count("first-run-settings") == kind.count("create-owner") == 1
    after = [step for step in steps[settings + 1 :] if isinstance(step, EnsureService | WaitServices)]
    assert [step.spec.name for step in after if isinstance(step, EnsureService)] == ["proxy"]
    assert "web" in next(step.names for step in after if isinstance(step, WaitServices))
    assert kind.index("create-owner") > steps.index(after[-1])


@pytest.mark.parametrize("services", ["web", ""])
def test_settings_that_a_killed_run_did_not_make_are_made(services):
    world = deployed()
    applied = replace(world.applied, settings_done=False, owner_done=False, verified="")
    left = {name: state for name, state in world.observed.services.items() if name != services}
    steps = planned(DESIRED, World(replace(world.observed, services=left), applied)).steps
    assert kinds(steps)[-3:] == ["first-run-settings", "create-owner", "verify"]


@pytest.mark.parametrize("name", [spec.name for spec in DESIRED.services])
def test_only_the_service_that_changed_is_touched(name):
    changed = tuple(
        replace(spec, stop_grace_seconds=spec.stop_grace_seconds + 1) if spec.name == name else spec
        for spec in DESIRED.services
    )
    desired = replace(DESIRED, services=changed)
    steps = planned(desired, deployed()).steps
    assert [step.spec.name for step in steps if isinstance(step, EnsureService)] == [name]
    assert [step.names for step in steps if isinstance(step, WaitServices)] == [(name,)]
    assert set(kinds(steps)) == {"ensure-service", "wait-services", "verify"}


@given(st.data())
def test_exactly_the_changed_services_are_planned(data):
    names = data.draw(st.sets(st.sampled_from([spec.name for spec in DESIRED.services])))
    changed = tuple(replace(s, replicas=s.replicas + 1) if s.name in names else s for s in DESIRED.services)
    steps = planned(replace(DESIRED, services=changed), deployed()).steps
    assert {step.spec.name for step in steps if isinstance(step, EnsureService)} == names
    assert bool(steps) == bool(names)


def test_changed_services_of_a_stage_are_replaced_one_after_the_other():
    names = {"web", "streaming", "sidekiq"}
    changed = tuple(replace(s, image=f"{s.image}-new") if s.name in names else s for s in DESIRED.services)
    steps = planned(replace(DESIRED, services=changed), deployed()).steps
    assert kinds(steps) == ["ensure-service", "wait-services"] * 3 + ["verify"]


def test_new_services_of_a_stage_start_together():
    steps = planned(DESIRED, instance.nothing()).steps
    stage = next(step for step in steps if isinstance(step, WaitServices) and "web" in step.names)
    assert {"streaming", "sidekiq", "mail"} <= set(stage.names)


def test_an_upgrade_migrates_before_the_services_change_and_after():
    changed = tuple(replace(s, image="web:2") if s.image == "web:1" else s for s in DESIRED.services)
    desired = replace(DESIRED, services=changed, images={**DESIRED.images, "web:1": "web:2"})
    steps = planned(desired, deployed()).steps
    schema = [(n, step.phase) for n, step in enumerate(steps) if isinstance(step, PrepareSchema)]
    touched = [n for n, step in enumerate(steps) if isinstance(step, EnsureService)]
    assert [phase for _, phase in schema] == ["before", "after"]
    assert schema[0][0] < min(touched)
    assert schema[1][0] > max(touched)


def test_a_service_that_no_longer_belongs_is_removed_after_the_instance_was_verified():
    smaller = replace(
        DESIRED,
        services=tuple(s for s in DESIRED.services if s.name != "mail"),
        stages=tuple(tuple(n for n in stage if n != "mail") for stage in DESIRED.stages),
    )
    steps = planned(smaller, deployed()).steps
    assert [step for step in steps if isinstance(step, Remove)] == [Remove("service", "mail")]
    assert isinstance(steps[-2], Verify)


def test_secrets_and_configs_of_earlier_contents_are_removed():
    world = deployed()
    old = replace(
        world.observed,
        secrets=world.observed.secrets | {"s_env-old"},
        configs=world.observed.configs | {"c-old"},
    )
    steps = planned(DESIRED, World(old, world.applied)).steps
    assert set(steps) == {Remove("secret", "s_env-old"), Remove("config", "c-old")}


def test_a_service_that_is_right_but_does_not_serve_is_waited_for():
    world = deployed()
    sick = replace(world.observed.services["web"], tasks=(task(state="starting"),))
    observed = replace(world.observed, services={**world.observed.services, "web": sick})
    assert kinds(planned(DESIRED, World(observed, world.applied)).steps) == ["wait-services"]


def test_an_owner_without_an_address_is_not_wanted():
    desired = instance.first_run(instance.config(owner={"email": ""}))
    steps = plan(DESIRED, desired, "web:1", instance.nothing()).steps
    assert "create-owner" not in kinds(steps)


def test_a_plan_as_data_says_what_it_says_to_people():
    made = planned(DESIRED, instance.nothing())
    assert [entry["summary"] for entry in made.as_json()] == [step.summary() for step in made.steps]
    assert all(set(entry) == {"step", "summary"} for entry in made.as_json())


def test_no_secret_stands_in_a_plan():
    made = planned(DESIRED, instance.nothing())
    assert instance.leaks(DESIRED.secrets[next(n for n in DESIRED.secrets if "_env-" in n)].reveal())
    assert not instance.leaks(f"{made!r}{made.as_json()!r}{made.world!r}{DESIRED!r}{made.steps!r}")


def test_the_signature_follows_every_service():
    for index, spec in enumerate(DESIRED.services):
        services = list(DESIRED.services)
        services[index] = replace(spec, stop_grace_seconds=spec.stop_grace_seconds + 1)
        assert signature(replace(DESIRED, services=tuple(services))) != signature(DESIRED)
    assert signature(instance.desired()) == signature(DESIRED)


def test_another_number_of_processes_is_proven_by_their_health_check_alone():
    sizes = counted(instance.layout(), {"web": 4, "sidekiq-push": 3})
    of = instance.config()
    images = {reference: reference for reference in topology.image_references(of, sizes)}
    more = topology.desired(of, sizes, instance.rendered(), images)
    assert more.service("sidekiq-push").replicas == 3
    assert ("WEB_CONCURRENCY", "4") in more.service("web").environment
    assert signature(more) == signature(DESIRED)
