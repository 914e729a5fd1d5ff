"""Destroy: everything of the stack and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.applied import Applied
from instancectl.core.desired import Network, OneShot
from instancectl.core.result import Status
from instancectl.core.secrets import Secret
from instancectl.core.service import Attachment, Mount, ServiceSpec
from instancectl.errors import Busy, OperationFailed
from instancectl.operations import destroy
from tests.fakes import instance
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site

DOMAIN = "social.example"


@pytest.fixture
def site():
    made = Site()
    made.deployment().deploy()
    return made


def remove(site: Site, *, keep_data: bool = False):
    return destroy.destroy(STACK, DOMAIN, site.removal(), keep_data=keep_data)


def add_bystander(site: Site) -> None:
    site.swarm.create_network("other", Network("edge"))
    site.swarm.create_volume("other", "db")
    site.swarm.create_secret("other", "other_env-1", Secret("x"))
    site.swarm.create_config("other", "other_conf-1", "x")
    spec = ServiceSpec("web", "web:1", networks=(Attachment("edge"),), mounts=(Mount("/x", "db"),))
    site.swarm.create_service("other", spec)


def test_nothing_of_it_is_left(site):
    result = remove(site)
    assert result.status is Status.CHANGED
    assert site.swarm.observe(STACK).empty
    assert site.state.load() == Applied()
    assert not site.swarm.labels


def test_that_it_was_handed_over_is_forgotten_with_it_and_not_before(site):
    forgotten = []
    around = replace(site.removal(), forget=lambda: forgotten.append("handover"))
    destroy.destroy(STACK, DOMAIN, around, keep_data=True)
    assert not forgotten
    destroy.destroy(STACK, DOMAIN, around, keep_data=False)
    assert forgotten == ["handover"]


def test_what_is_used_goes_after_what_uses_it(site):
    kinds = [entry["kind"] for entry in remove(site).data["removed"]]
    order = ["service", "network", "config", "secret", "volume"]
    assert sorted(kinds, key=order.index) == kinds


def test_no_host_keeps_a_role_of_it(site):
    site.swarm.hosts.add("two", {f"instancectl.workers.{STACK}": "true", "other": "stays"})
    remove(site)
    assert site.swarm.hosts.get("two-id").labels == {"other": "stays"}


def test_a_neighbour_stays_and_keeps_the_swarm(site):
    add_bystander(site)
    before = site.swarm.observe("other")
    result = remove(site)
    assert replace(site.swarm.observe("other"), engine=before.engine, nodes=before.nodes) == before
    assert site.swarm.swarm == "active"
    assert result.data["left_swarm"] is False


def test_the_swarm_that_deploy_made_is_left_again(site):
    result = remove(site)
    assert result.data["left_swarm"] is True
    assert site.swarm.swarm == "inactive"


def test_a_swarm_that_was_there_before_stays():
    site = Site(swarm_active=True)
    site.deployment().deploy()
    assert remove(site).data["left_swarm"] is False
    assert site.swarm.swarm == "active"


def test_a_second_time_there_is_nothing_to_do(site):
    remove(site)
    did = list(site.swarm.did)
    assert remove(site).status is Status.UNCHANGED
    assert site.swarm.did == did


def test_data_can_be_kept_and_found_again(site):
    password = site.mastodon.accounts["admin"]
    result = remove(site, keep_data=True)
    assert "its data stays" in result.lines[0]
    assert site.swarm.observe(STACK).volumes == set(instance.desired().volumes)
    assert not site.swarm.observe(STACK).services
    site.deployment().deploy()
    assert site.mastodon.accounts == {"admin": password}
    assert site.mastodon.runs["settings"] == 1
    assert not site.deployment().show_plan().data["steps"]


def test_a_new_instance_may_follow(site):
    remove(site)
    site.mastodon.accounts.clear()
    site.reporter.done.clear()
    result = site.deployment().deploy()
    assert result.data["owner"]["password"] == site.mastodon.accounts["admin"]
    assert not site.deployment().show_plan().data["steps"]


def test_looking_removes_nothing(site):
    did = list(site.swarm.did)
    result = destroy.show(STACK, DOMAIN, site.removal(), keep_data=False)
    assert result.status is Status.PLANNED
    assert {"kind": "volume", "name": "db"} in result.data["remove"]
    assert len(result.lines) == len(result.data["remove"]) + 1
    kept = destroy.show(STACK, DOMAIN, site.removal(), keep_data=True)
    assert not any(entry["kind"] == "volume" for entry in kept.data["remove"])
    assert site.swarm.did == did


def test_it_waits_for_the_lock(site):
    with site.lock.hold("deploy"), pytest.raises(Busy):
        remove(site)
    assert site.swarm.observe(STACK).services


def test_jobs_of_killed_runs_are_removed_too(site):
    site.fuse.blow_after(1)
    with pytest.raises(Killed):
        site.swarm.run_once(STACK, OneShot("tootctl", "web:1", ("bin/tootctl",)))
    site.fuse.mend()
    assert site.swarm.observe(STACK).jobs
    remove(site)
    assert site.swarm.observe(STACK).empty


def test_what_docker_frees_a_moment_later_is_tried_again(site):
    refusals = [OperationFailed("network social-example_edge has active endpoints")] * 3
    really = site.swarm.remove

    def slow(stack: str, kind: str, name: str) -> None:
        if kind == "network" and refusals:
            raise refusals.pop()
        really(stack, kind, name)

    site.swarm.remove = slow
    remove(site)
    assert site.swarm.observe(STACK).empty


def test_what_stays_in_use_is_an_error_in_the_end(site):
    def never(stack: str, kind: str, name: str) -> None:
        raise OperationFailed("in use")

    site.swarm.remove = never
    with pytest.raises(OperationFailed, match="in use"):
        remove(site)
    assert site.state.load() != Applied()


def test_a_removal_that_was_killed_is_continued():
    points = 0
    while True:
        site = Site()
        site.deployment().deploy()
        add_bystander(site)
        site.fuse.blow_after(points)
        try:
            remove(site)
        except Killed:
            site.fuse.mend()
            remove(site)
        else:
            break
        finally:
            site.fuse.mend()
        assert site.swarm.observe(STACK).empty
        assert site.state.load() == Applied()
        assert not site.swarm.observe("other").empty
        points += 4
    assert points > 40


def test_it_is_in_the_journal(site):
    remove(site)
    assert site.journal.events()[-2:] == ["destroy-started", "destroy-done"]
