"""A deploy on several hosts: images first, roles, and every service where it belongs."""

from __future__ import annotations

import pytest

from instancectl.core.result import Status
from instancectl.errors import Refused
from tests.fakes import instance
from tests.fakes.site import STACK, Site

BUCKET = {"storage": "s3", "s3_bucket": "media"}
GIB = 1024**3


def config(**sections: object):
    return instance.config(media=BUCKET, instance={"layout": "auto"}, **sections)


def six():
    return config(services={"sidekiq-default": {"replicas": 6}})


@pytest.fixture
def site():
    """Deployed on one host of 3 GiB."""
    made = Site()
    made.swarm.memory_bytes = 3 * GIB
    made.deployment(config()).deploy()
    return made


def add(site: Site, *roles: str, name: str = "two") -> None:
    labels = {f"instancectl.{role}.{STACK}": "true" for role in roles}
    site.swarm.hosts.add(name, labels, memory_bytes=8 * GIB, cores=4)


def where(site: Site, service: str) -> list[str]:
    tasks = site.swarm.service(STACK, service).tasks
    return sorted(task.node_id for task in tasks if task.wanted == "running")


def test_a_swarm_is_made_on_the_private_network():
    site = Site()
    site.deployment().deploy()
    assert ("create swarm", "10.86.0.1") in site.swarm.did


def test_the_admins_own_address_still_wins():
    site = Site()
    site.deployment(instance.config(swarm={"advertise_address": "192.0.2.1"})).deploy()
    assert ("create swarm", "192.0.2.1") in site.swarm.did


def test_six_workers_are_refused_before_a_host_is_added_and_run_afterwards(site):
    with pytest.raises(Refused, match="the explicit sizes need more memory than there is"):
        site.deployment(six()).deploy()
    add(site, "workers")
    site.deployment(six()).deploy()
    assert where(site, "sidekiq-default") == ["two-id"] * 6
    for service in ("db", "redis", "web", "streaming", "sidekiq", "cache", "proxy", "mail"):
        assert set(where(site, service)) == {"node1"}


def test_images_that_no_registry_has_are_brought_once(site):
    add(site, "workers", "web")
    site.deployment(config()).deploy()
    assert site.shipped == [("two", "web:1"), ("two", "streaming:1")]
    assert site.deployment(config()).deploy().status is Status.UNCHANGED


def test_a_new_image_is_brought_before_anything_uses_it(site):
    add(site, "workers")
    site.deployment(config()).deploy()
    site.shipped.clear()
    upgraded = config(images={"web": "web:2"})
    site.add_images(upgraded)
    plan = [step["step"] for step in site.deployment(upgraded).show_plan().data["steps"]]
    assert "fetch-image" in plan
    site.deployment(upgraded).deploy()
    assert site.shipped == [("two", "web:2")]


def test_what_a_registry_has_is_left_to_the_hosts(site):
    site.swarm.registry["web:2"] = "sha256:" + "a" * 64
    add(site, "workers")
    site.deployment(config(images={"web": "web:2"})).deploy()
    assert ("two", "web:2") not in site.shipped
    assert site.spec("sidekiq").image.startswith("web:2@sha256:")


def test_a_host_that_is_down_gets_its_images_later(site):
    add(site, "workers")
    site.swarm.hosts.get("two-id").state = "down"
    site.deployment(config()).deploy()
    assert site.shipped == []
    site.swarm.hosts.get("two-id").state = "ready"
    site.deployment(config()).deploy()
    assert site.shipped == [("two", "web:1")]


def test_a_host_for_monitoring_gets_the_images_and_watches(site):
    watched = config(monitoring={"enabled": True}, images={"prometheus": "prom:1", "alertmanager": "am:1"})
    site.add_images(watched)
    site.deployment(watched).deploy()
    assert site.state.load().watched_from == ""
    add(site, "monitoring")
    site.deployment(watched).deploy()
    assert site.shipped == [("two", "prom:1"), ("two", "am:1")]
    assert where(site, "prometheus") == where(site, "alertmanager") == ["two-id"]
    there = site.swarm.hosts.get("two-id").address
    assert there
    assert site.state.load().watched_from == there
    assert site.deployment(watched).deploy().status is Status.UNCHANGED


def test_what_watches_comes_back_when_its_host_is_emptied(site):
    watched = config(monitoring={"enabled": True}, images={"prometheus": "prom:1", "alertmanager": "am:1"})
    site.add_images(watched)
    add(site, "monitoring")
    site.deployment(watched).deploy()
    site.swarm.hosts.get("two-id").availability = "drain"
    site.deployment(watched).deploy()
    assert where(site, "prometheus") == ["node1"]
    assert site.state.load().watched_from == ""


def test_adding_a_host_restarts_neither_the_database_nor_what_may_stay(site):
    before = site.tasks()
    add(site, "web")
    site.deployment(config()).deploy()
    after = site.tasks()
    for service in ("db", "redis", "sidekiq", "proxy", "cache"):
        assert after[service] == before[service]


def test_the_first_host_has_every_role_once_there_are_two(site):
    assert set(site.swarm.labels) == {f"instancectl.data.{STACK}"}
    add(site, "workers")
    site.deployment(config()).deploy()
    assert f"instancectl.web.{STACK}" in site.swarm.labels


def test_workers_of_a_dead_host_wait_and_come_back_with_it(site):
    add(site, "workers")
    site.deployment(six()).deploy()
    site.swarm.hosts.get("two-id").state = "down"
    site.clock.sleep(5)
    assert where(site, "sidekiq") == ["node1"]
    assert where(site, "sidekiq-default") == [""] * 6
    site.swarm.hosts.get("two-id").state = "ready"
    site.swarm.observe(STACK)
    site.clock.sleep(5)
    assert where(site, "sidekiq-default") == ["two-id"] * 6
    assert site.swarm.service(STACK, "sidekiq-default").running == 6
