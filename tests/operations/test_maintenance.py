"""The maintenance page."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from instancectl.core.result import Status
from instancectl.errors import Busy, InstanceError, Refused
from tests.fakes import instance
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site


@pytest.fixture
def site():
    made = Site()
    made.deployment().deploy()
    return made


def pages(site: Site) -> set[str]:
    return {item.target.rpartition("/")[2] for item in site.spec("cache").configs}


def test_only_the_cache_is_replaced_and_back(site):
    before, tasks = site.spec("cache"), site.tasks()
    result = site.deployment().maintenance("back at <nine>")
    assert result.status is Status.CHANGED
    assert result.data == {"maintenance": "on"}
    assert "maintenance.html" in pages(site)
    during = site.tasks()
    assert {name for name in tasks if tasks[name] != during[name]} == {"cache"}
    assert site.deployment().maintenance(None).data == {"maintenance": "off"}
    assert site.spec("cache") == before


def test_saying_it_twice_changes_nothing(site):
    assert site.deployment().maintenance(None).status is Status.UNCHANGED
    site.deployment().maintenance("soon")
    did = list(site.swarm.did)
    assert site.deployment().maintenance("soon").status is Status.UNCHANGED
    assert site.swarm.did == did


def test_another_message_is_another_page(site):
    site.deployment().maintenance("soon")
    before = site.spec("cache")
    assert site.deployment().maintenance("later").status is Status.CHANGED
    assert site.spec("cache") != before


def test_it_stays_on_through_a_deploy_and_the_deploy_says_so(site):
    site.deployment().maintenance("soon")
    result = site.deployment(instance.config(proxy={"hsts_seconds": 1})).deploy()
    assert "maintenance.html" in pages(site)
    assert any("maintenance off" in line for line in result.lines)


def test_other_changes_wait_for_a_deploy(site):
    changed = instance.config(proxy={"hsts_seconds": 1}, services={"web": {"replicas": 2}})
    before = site.tasks()
    site.deployment(changed).maintenance("soon")
    after = site.tasks()
    assert {name for name in before if before[name] != after[name]} == {"cache"}


def test_neither_on_nor_off_is_drift(site):
    site.deployment().maintenance("soon")
    assert not site.deployment().show_plan().data["steps"]
    site.deployment().maintenance(None)
    assert not site.deployment().show_plan().data["steps"]
    assert not any("maintenance" in name for name in site.swarm.observe(STACK).configs)


def test_an_instance_that_is_not_deployed_has_no_page():
    site = Site()
    with pytest.raises(Refused, match="is not deployed"):
        site.deployment().maintenance("soon")
    assert not site.swarm.did
    assert site.state.load().maintenance is None


def test_it_waits_for_the_lock(site):
    with site.lock.hold("deploy"), pytest.raises(Busy):
        site.deployment().maintenance("soon")
    assert site.state.load().maintenance is None


@pytest.mark.parametrize("points", range(14))
def test_a_run_that_was_killed_is_continued(site, points):
    site.fuse.blow_after(points)
    with contextlib.suppress(Killed):
        site.deployment().maintenance("soon")
    site.fuse.mend()
    site.deployment().maintenance("soon")
    assert "maintenance.html" in pages(site)
    assert site.swarm.observe(STACK).services["cache"].converged


def test_what_was_not_verified_before_is_not_verified_by_a_page(site):
    site.state.save(replace(site.state.load(), verified=""))
    site.deployment().maintenance("soon")
    assert [step["step"] for step in site.deployment().show_plan().data["steps"]] == ["verify"]


def test_a_page_that_cannot_be_shown_is_an_error_and_the_site_stays(site):
    tasks = site.tasks()["cache"]
    site.swarm.broken_images.add("cache:1")
    with pytest.raises(InstanceError, match="rolled back"):
        site.deployment().maintenance("soon")
    assert site.tasks()["cache"] == tasks


class TestGivingUp:
    def test_only_the_cache_is_replaced_and_back(self, site):
        before, tasks = site.spec("cache"), site.tasks()
        told = site.deployment().give_up("reading", on=True)
        assert told.lines == ("anonymous reading: turned away",)
        assert site.spec("cache") != before
        assert {name for name in tasks if tasks[name] != site.tasks()[name]} == {"cache"}
        assert not site.deployment().show_plan().data["steps"]
        assert site.deployment().give_up("reading", on=True).status is Status.UNCHANGED
        site.deployment().give_up("inbox", on=True)
        site.deployment().give_up("reading", on=False)
        assert site.state.load().given_up == ("inbox",)
        site.deployment().give_up("inbox", on=False)
        assert site.spec("cache") == before
