"""What a restore asks of a deploy: PostgreSQL alone first, Sidekiq last, nothing else touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.applied import Applied
from instancectl.core.backup.restoring import BUILD_FEEDS, BUILD_SECONDS
from instancectl.core.check import Finding, Severity
from instancectl.core.topology.parts import DOTENV
from instancectl.errors import Refused
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site

BAD = Finding("dns", Severity.FAIL, "leads elsewhere", "this host")


@pytest.fixture
def site():
    made = Site()
    # As a restore leaves it: the database is there already, with everything in it.
    made.state.save(Applied(schema_before="web:1", schema_after="web:1", settings_done=True, owner_done=True))
    return made


def services(site: Site) -> set[str]:
    return set(site.swarm.observe(STACK).services)


def test_postgresql_alone_comes_first(site):
    site.deployment().start("restore", lambda name: name == "db")
    assert services(site) == {"db"}
    assert "media" in site.swarm.observe(STACK).volumes
    assert not site.mastodon.migrations


def test_sidekiq_is_last_and_the_rest_is_an_ordinary_deploy(site):
    site.deployment().start("restore", lambda name: name == "db")
    site.deployment().start("restore", lambda name: not name.startswith("sidekiq"))
    assert {"web", "streaming", "cache", "proxy", "redis"} <= services(site)
    assert not any(name.startswith("sidekiq") for name in services(site))
    site.deployment().deploy("restore")
    assert "sidekiq" in services(site)
    assert not site.mastodon.accounts
    assert not site.mastodon.migrations
    assert not site.deployment().show_plan().data["steps"]


def test_a_second_time_changes_nothing(site):
    site.deployment().start("restore", lambda name: name == "db")
    did = list(site.swarm.did)
    site.deployment().start("restore", lambda name: name == "db")
    assert site.swarm.did == did


def test_a_schema_of_an_older_image_is_migrated_with_web(site):
    site.state.save(replace(site.state.load(), schema_before="web:0", schema_after="web:0"))
    site.deployment().start("restore", lambda name: name == "db")
    assert not site.mastodon.migrations
    site.deployment().start("restore", lambda name: not name.startswith("sidekiq"))
    assert site.mastodon.migrations == ["schema-before", "schema-after"]


def test_timelines_are_filled_in_a_container_of_its_own(site):
    site.deployment().deploy("restore")
    site.swarm.outcomes["feeds"] = [(0, "OK")]
    done = site.deployment().once("feeds", BUILD_FEEDS, BUILD_SECONDS)
    job = site.swarm.ran[-1]
    assert done == (0, "OK")
    assert (job.name, job.argv, job.timeout_seconds) == ("feeds", BUILD_FEEDS, BUILD_SECONDS)
    assert dict(job.files)[DOTENV]
    assert not site.deployment().show_plan().data["steps"]


def test_what_stops_a_deploy_stops_it_before_anything_is_touched(site):
    site.findings = (BAD,)
    with pytest.raises(Refused, match="leads elsewhere"):
        site.deployment().start("restore", lambda name: name == "db")
    assert not site.swarm.did


def test_while_names_lead_to_the_old_host_nothing_answers_here_and_no_job_runs(site):
    site.findings = (BAD,)
    for wanted in (lambda name: name == "db", lambda name: not name.startswith("sidekiq")):
        with pytest.raises(Refused) as told:
            site.deployment().start("restore", wanted)
        assert told.value.exit_code == 7
    assert not services(site)
    site.findings = ()
    site.deployment().start("restore", lambda name: not name.startswith("sidekiq"))
    site.findings = (BAD,)
    with pytest.raises(Refused, match="leads elsewhere"):
        site.deployment().deploy("restore")
    assert not any(name.startswith("sidekiq") for name in services(site))
    site.findings = ()
    site.deployment().deploy("restore")
    assert "sidekiq" in services(site)


def test_killed_anywhere_the_next_one_goes_on(site):
    points = 0
    while True:
        site = Site()
        site.state.save(Applied(schema_before="web:1", schema_after="web:1", owner_done=True))
        site.fuse.blow_after(points)
        try:
            site.deployment().start("restore", lambda name: name == "db")
            killed = False
        except Killed:
            killed = True
        site.fuse.mend()
        site.lock.table.clear()
        site.deployment().start("restore", lambda name: name == "db")
        assert services(site) == {"db"}
        if not killed:
            break
        points += 1
    assert points > 20
