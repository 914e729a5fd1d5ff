"""A service as a value."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given, settings

from instancectl.core.observed import ServiceState, Task
from instancectl.core.service import ServiceSpec, differences
from tests.fakes.specs import services

WEB = ServiceSpec("web", "web:1")


@settings(max_examples=30)
@given(services(), services())
def test_differences_name_exactly_the_fields_that_differ(one, other):
    merged = replace(one, **{name: getattr(other, name) for name in differences(one, other)})
    assert merged == other
    assert differences(one, other) == differences(other, one)
    assert not differences(one, one)


def test_differences_come_in_the_order_of_declaration():
    found = differences(replace(WEB, image="web:2", command=("x",), labels=(("a", "b"),)), WEB)
    assert found == ("image", "command", "labels")
    assert [name for name in (field.name for field in fields(ServiceSpec)) if name in found] == list(found)


def test_only_replicas_that_should_run_and_do_count_as_running():
    tasks = (
        Task("1", 1, "running", "running", "web:1"),
        Task("2", 1, "running", "shutdown", "web:1"),
        Task("3", 2, "starting", "running", "web:1"),
        Task("4", 3, "failed", "shutdown", "web:1"),
    )
    assert ServiceState("id", WEB, tasks=tasks).running == 1


def test_a_service_without_replicas_has_converged_with_none():
    assert ServiceState("id", replace(WEB, replicas=0)).converged
    assert not ServiceState("id", WEB).converged
