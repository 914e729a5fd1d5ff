"""Our service and the Engine's: nothing is lost in translation."""

from __future__ import annotations

import json
from dataclasses import fields

from hypothesis import given, settings

from instancectl.adapters.docker_engine import spec as translation
from instancectl.core.service import ServiceSpec
from tests.fakes import instance
from tests.fakes.specs import services

API_NAMES = {
    "name": "Name", "labels": "Labels", "mode": "Mode", "update_config": "UpdateConfig",
    "rollback_config": "RollbackConfig", "endpoint_spec": "EndpointSpec", "task_template": "TaskTemplate",
}  # fmt: skip


def through_the_api(stack: str, spec: ServiceSpec) -> ServiceSpec:
    """Written, sent as JSON, networks resolved to identifiers, read back."""
    names = {item.name: f"id-{item.name}" for item in (*spec.secrets, *spec.configs)}
    written = json.loads(json.dumps(translation.write(stack, spec, names)))
    body = {API_NAMES[key]: value for key, value in written.items()}
    networks = {}
    for link in body["TaskTemplate"]["Networks"]:
        networks[f"id-of-{link['Target']}"] = link["Target"]
        link["Target"] = f"id-of-{link['Target']}"
    return translation.read(stack, body, networks)


@given(services())
def test_what_is_written_reads_back_equal(spec):
    assert through_the_api("social-example", spec) == spec


def test_every_service_of_an_instance_reads_back_equal():
    desired = instance.desired(instance.config(database={"pgbouncer": "on"}))
    assert "pgbouncer" in {spec.name for spec in desired.services}
    for spec in desired.services:
        assert through_the_api(desired.stack, spec) == spec


@settings(max_examples=30)
@given(services(), services())
def test_every_field_is_carried(one, other):
    """A field that the translation forgot would compare equal after the journey."""
    there, here = through_the_api("s", one), through_the_api("s", other)
    for field in fields(ServiceSpec):
        same = getattr(one, field.name) == getattr(other, field.name)
        assert (getattr(there, field.name) == getattr(here, field.name)) == same, field.name


def test_no_secret_is_written_into_a_service():
    desired = instance.desired()
    ids = dict.fromkeys((*desired.secrets, *desired.configs), "id")
    for spec in desired.services:
        assert not instance.leaks(json.dumps(translation.write(desired.stack, spec, ids)))
