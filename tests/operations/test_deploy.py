"""Deploy, on a Swarm in memory."""

from __future__ import annotations

import json

import pytest

from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity
from instancectl.core.result import Status
from instancectl.errors import Busy, InstanceError, Partial, Refused, Unhealthy, Unreachable
from tests.fakes import instance
from tests.fakes.fuse import Killed
from tests.fakes.site import STACK, Site

GOOD = Finding("web", Severity.OK, "answers in 12 ms")
BAD = Finding("web", Severity.FAIL, "answers 502", "200", "look at `instancectl logs web`")
UNSEEN = Finding("web", Severity.UNKNOWN, "nobody could look")


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def deployed(site):
    site.deployment().deploy()
    return site


class TestFromNothing:
    def test_everything_is_there_and_serves(self, site):
        result = site.deployment().deploy()
        assert result.status is Status.CHANGED
        assert site.swarm.swarm == "active"
        assert all(state.converged for state in site.swarm.observe(STACK).services.values())
        assert site.mastodon.migrations == ["schema-fresh"]
        assert site.mastodon.registrations == "approved"
        assert list(site.mastodon.accounts) == ["admin"]
        assert not site.deployment().show_plan().data["steps"]

    def test_the_owners_password_is_shown_once(self, site):
        result = site.deployment().deploy()
        password = site.mastodon.accounts["admin"]
        assert result.data["owner"]["password"] == password
        assert sum(password in line for line in result.lines) == 1
        everything = (site.journal.written, site.state.record, site.state.files, site.reporter.everything)
        assert password not in repr(everything)

    def test_the_address_names_the_port_only_when_it_must(self, site):
        assert site.deployment().deploy().data["url"] == "https://social.example"
        other = Site()
        moved = instance.config(proxy={"https_port": 8443}, instance={"web_domain": "www.social.example"})
        assert other.deployment(moved).deploy().data["url"] == "https://www.social.example:8443"

    def test_every_step_is_in_the_journal_before_and_after(self, deployed):
        entries = deployed.journal.written
        assert entries[0]["event"] == "deploy-started"
        assert [entry["event"] for entry in entries[-2:]] == ["deploy-done", "owner-told"]
        started = [entry["summary"] for entry in entries if entry["event"] == "step-started"]
        done = [entry["summary"] for entry in entries if entry["event"] == "step-done"]
        assert started == done == deployed.reporter.done
        assert len(done) == entries[-2]["steps"]

    def test_no_secret_stands_anywhere(self, site):
        shown = site.deployment().show_plan()
        result = site.deployment().deploy()
        told = json.dumps([dict(shown.data), dict(result.data), shown.lines, result.lines, result.notes])
        kept = json.dumps([site.journal.written, site.state.record, site.state.files])
        assert not instance.leaks(told + kept + site.reporter.everything + repr((shown, result)))
        assert not instance.leaks(repr(site.swarm.observe(STACK)))

    def test_files_for_the_admin_are_written(self, deployed):
        assert deployed.state.files["stack.yml"].startswith("# The stack `social-example`")
        assert any(name.startswith("configs/") for name in deployed.state.files)

    def test_images_from_a_registry_are_deployed_by_digest(self, site):
        del site.swarm.images["web:1"]
        site.swarm.registry["web:1"] = "sha256:abc"
        site.deployment().deploy()
        assert site.spec("web").image == "web:1@sha256:abc"
        assert site.state.load().images["web:1"] == "web:1@sha256:abc"
        assert not site.deployment().show_plan().data["steps"]

    def test_the_domain_is_recorded_before_the_schema_is_made(self, site):
        site.swarm.outcomes["schema-fresh"] = [(1, "no space left")]
        with pytest.raises(Partial):
            site.deployment().deploy()
        assert site.state.load().local_domain == "social.example"

    def test_a_swarm_that_exists_is_used_and_not_claimed(self):
        site = Site(swarm_active=True)
        site.deployment().deploy()
        assert not site.state.load().created_swarm


class TestAgain:
    def test_a_second_deploy_does_nothing(self, deployed):
        did, tasks, entries = list(deployed.swarm.did), deployed.tasks(), len(deployed.journal.written)
        result = deployed.deployment().deploy()
        assert result.status is Status.UNCHANGED
        assert deployed.swarm.did == did
        assert deployed.tasks() == tasks
        assert len(deployed.journal.written) == entries

    def test_only_what_changed_is_restarted(self, deployed):
        before = deployed.tasks()
        changed = instance.config(proxy={"hsts_seconds": 1})
        result = deployed.deployment(changed).deploy()
        assert result.status is Status.CHANGED
        after = deployed.tasks()
        assert {name for name in after if after[name] != before[name]} == {"proxy"}

    def test_earlier_contents_of_files_are_removed(self, deployed):
        before = deployed.swarm.observe(STACK)
        deployed.deployment(instance.config(proxy={"hsts_seconds": 1})).deploy()
        after = deployed.swarm.observe(STACK)
        assert len(after.configs) == len(before.configs)
        assert after.configs != before.configs

    def test_first_run_settings_are_made_once(self, deployed):
        deployed.mastodon.registrations = "open"
        deployed.deployment(instance.config(registrations={"mode": "none"})).deploy()
        assert deployed.mastodon.registrations == "open"
        assert deployed.mastodon.runs["settings"] == 1

    def test_an_upgrade_migrates_around_the_change(self, deployed):
        newer = instance.config(images={"web": "web:2"})
        deployed.add_images(newer)
        deployed.deployment(newer).deploy()
        assert deployed.mastodon.migrations == ["schema-fresh", "schema-before", "schema-after"]
        assert deployed.spec("web").image == deployed.spec("sidekiq").image == "web:2"
        assert "SKIP_POST_DEPLOYMENT_MIGRATIONS" in dict(deployed.swarm.ran[-2].environment)
        assert "SKIP_POST_DEPLOYMENT_MIGRATIONS" not in dict(deployed.swarm.ran[-1].environment)

    def test_a_lost_record_costs_no_password(self, deployed):
        password = deployed.mastodon.accounts["admin"]
        deployed.state.save(Applied())
        deployed.deployment().deploy()
        assert deployed.mastodon.accounts == {"admin": password}


class TestPlan:
    def test_a_plan_touches_nothing(self, site):
        result = site.deployment().show_plan(exit_code=True)
        assert result.status is Status.PLANNED
        assert result.exit_code == 9
        assert not site.swarm.did
        assert not site.journal.written
        assert not site.state.saves
        assert not site.lock.held_for

    def test_an_empty_plan_exits_0(self, deployed):
        result = deployed.deployment().show_plan(exit_code=True)
        assert (result.status, result.exit_code, result.data) == (Status.UNCHANGED, 0, {"steps": []})

    def test_what_is_planned_is_what_is_done(self, site):
        planned = [step["summary"] for step in site.deployment().show_plan().data["steps"]]
        site.deployment().deploy()
        assert site.reporter.done == planned


class TestRefusals:
    def test_a_bad_finding_stops_it_before_anything_is_touched(self, site):
        site.findings = (GOOD, BAD)
        with pytest.raises(Refused, match="nothing was changed") as caught:
            site.deployment().deploy()
        assert "answers 502; needed: 200" in caught.value.message
        assert caught.value.hint == BAD.hint
        assert not site.swarm.did
        assert not site.state.saves
        assert not site.journal.written

    def test_warnings_and_unknowns_do_not_stop_it(self, site):
        site.findings = (GOOD, UNSEEN, Finding("disk", Severity.WARN, "81 % used"))
        assert site.deployment().deploy().status is Status.CHANGED

    def test_a_deployed_instance_is_told_to_the_gate(self, deployed):
        deployed.deployment(instance.config(proxy={"hsts_seconds": 1})).deploy()
        observed, applied = deployed.gated[-1]
        assert "db" in observed.services
        assert applied.local_domain == "social.example"

    def test_nobody_else_may_deploy_meanwhile(self, site):
        with site.lock.hold("backup"), pytest.raises(Busy):
            site.deployment().deploy()
        assert not site.swarm.did

    def test_an_engine_that_does_not_answer_is_unreachable(self, site):
        site.swarm.down = True
        with pytest.raises(Unreachable):
            site.deployment().deploy()
        assert not site.state.saves

    def test_an_image_nobody_has_stops_it_before_any_service_is_touched(self, deployed):
        tasks = deployed.tasks()
        with pytest.raises(InstanceError, match="cannot pull the image `web:9`"):
            deployed.deployment(instance.config(images={"web": "web:9"})).deploy()
        assert deployed.tasks() == tasks
        assert deployed.mastodon.migrations == ["schema-fresh"]
        assert deployed.spec("web").image == "web:1"


class TestFailures:
    def test_a_release_that_never_serves_is_rolled_back(self, deployed):
        newer = instance.config(images={"web": "web:2"})
        deployed.add_images(newer)
        deployed.swarm.broken_images.add("web:2")
        old = deployed.tasks()["web"]
        with pytest.raises(Partial, match="rolled back to web:1") as caught:
            deployed.deployment(newer).deploy()
        assert "unhealthy" in caught.value.message
        assert "the old one kept answering" in caught.value.message
        assert "instancectl logs web" in caught.value.hint
        assert deployed.spec("web").image == "web:1"
        assert deployed.tasks()["web"] == old
        assert deployed.spec("sidekiq").image == "web:1"
        assert deployed.mastodon.migrations == ["schema-fresh", "schema-before"]

    def test_after_a_rollback_the_old_configuration_needs_no_replacement(self, deployed):
        newer = instance.config(images={"web": "web:2"})
        deployed.add_images(newer)
        deployed.swarm.broken_images.add("web:2")
        with pytest.raises(Partial):
            deployed.deployment(newer).deploy()
        before = deployed.tasks()
        deployed.deployment().deploy()
        assert deployed.tasks() == before

    def test_a_first_release_that_never_serves_says_why(self, site):
        site.swarm.broken_images.add("web:1")
        with pytest.raises(Partial, match=r"`(web|sidekiq)` failed 3 times to start"):
            site.deployment().deploy()
        assert "proxy" not in site.tasks()

    def test_failures_of_the_past_do_not_count(self, site):
        """As after a restart of the host: replicas have failed, and serve a moment later."""
        site.swarm.broken_images.add("web:1")
        with pytest.raises(Partial):
            site.deployment().deploy()
        site.swarm.broken_images.clear()
        assert site.deployment().deploy().status is Status.CHANGED

    def test_migrations_that_fail_leave_what_serves_alone(self, deployed):
        newer = instance.config(images={"web": "web:2"})
        deployed.add_images(newer)
        deployed.swarm.outcomes["schema-before"] = [(1, "[dotenv] Loaded\nPG::UndefinedColumn\n")]
        tasks = deployed.tasks()
        with pytest.raises(Partial, match="exit code 1") as caught:
            deployed.deployment(newer).deploy()
        assert "  | PG::UndefinedColumn" in caught.value.message
        assert "dotenv" not in caught.value.message
        assert deployed.tasks() == tasks

    def test_an_instance_that_does_not_answer_is_not_verified(self, site):
        site.probed = lambda: (GOOD, BAD)
        with pytest.raises(InstanceError, match="does not answer as it should") as caught:
            site.deployment().deploy()
        assert "answers 502" in caught.value.message
        assert not site.state.load().verified
        assert site.reporter.failed == ["verify from outside: site, API, federation, streaming, queues"]

    def test_what_could_not_be_seen_is_not_verified_either(self, deployed):
        deployed.probed = lambda: (UNSEEN,)
        with pytest.raises(InstanceError, match="nobody could look"):
            deployed.deployment(instance.config(proxy={"hsts_seconds": 1})).deploy()

    def test_a_port_that_answers_and_should_not_fails_the_deploy_at_once(self, site):
        site.exposed = (Finding("exposure", Severity.FAIL, "6379/tcp (Redis) answers", "closed", "stop it"),)
        with pytest.raises(InstanceError, match="so does what should not: 6379/tcp") as caught:
            site.deployment().deploy()
        assert "stop it" in caught.value.hint
        assert not site.state.load().verified
        assert site.clock.monotonic_seconds() < 60

    def test_ports_that_nobody_could_look_at_are_told_but_do_not_fail_a_deploy(self, site):
        site.exposed = (Finding("exposure", Severity.UNKNOWN, "only root may look"),)
        assert site.deployment().deploy().status is Status.CHANGED
        assert "exposure unknown: only root may look" in site.reporter.everything

    def test_an_instance_may_take_a_while_to_answer(self, site):
        answers = [(BAD,), (UNSEEN,), (GOOD,)]
        site.probed = lambda: answers.pop(0) if len(answers) > 1 else answers[0]
        assert site.deployment().deploy().status is Status.CHANGED

    def test_a_failure_after_steps_says_how_many_and_how_to_go_on(self, site):
        site.swarm.outcomes["settings"] = [(1, "boom")]
        with pytest.raises(Partial, match=r"\(\d+ of \d+ steps applied\)") as caught:
            site.deployment().deploy()
        assert "run `instancectl deploy` again to continue" in caught.value.hint
        assert site.deployment().deploy().status is Status.CHANGED

    def test_a_failure_of_the_first_step_is_no_partial_change(self, site):
        site.swarm.images.clear()
        site.swarm.swarm = "active"
        with pytest.raises(Unreachable, match="cannot pull"):
            site.deployment().deploy()
        assert not site.swarm.did


class TestOwner:
    def test_an_account_that_was_there_before_keeps_its_password(self, site):
        site.mastodon.accounts["admin"] = "theirs"
        result = site.deployment().deploy()
        assert site.mastodon.accounts == {"admin": "theirs"}
        assert not result.data["owner"]["password"]
        assert "theirs" not in "\n".join(result.lines)
        assert any("--reset-password" in said for said in site.reporter.said)

    def test_no_account_is_made_without_an_address(self, site):
        site.deployment(instance.config(owner={"email": ""})).deploy()
        assert not site.mastodon.accounts

    def test_an_address_that_does_not_resolve_is_explained(self, site):
        site.swarm.outcomes["owner"] = [(1, "Failure/Error: email\n    unreachable\n")]
        with pytest.raises(Partial, match=r"finds no mail server for `social\.example`") as caught:
            site.deployment().deploy()
        assert "owner.email" in caught.value.hint

    def test_the_password_is_not_lost_when_a_later_step_fails(self, site):
        site.probed = lambda: (BAD,)
        with pytest.raises(InstanceError) as caught:
            site.deployment().deploy()
        password = site.mastodon.accounts["admin"]
        assert password in caught.value.hint
        site.probed = lambda: (GOOD,)
        again = site.deployment().deploy()
        assert site.mastodon.accounts == {"admin": password}
        assert "owner" not in again.data
        assert "password" not in "\n".join(again.lines)

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
    def test_the_password_is_not_lost_when_somebody_interrupts(self, site, error):
        def interrupt():
            raise error

        site.probed = interrupt
        with pytest.raises(error):
            site.deployment().deploy()
        assert any(site.mastodon.accounts["admin"] in note for note in site.reporter.notes)

    def test_a_password_that_died_with_its_run_is_not_passed_over_in_silence(self, site):
        def die():
            raise Killed

        site.probed = die
        with pytest.raises(Killed):
            site.deployment().deploy()
        site.probed = tuple
        again = site.deployment().deploy()
        assert "accounts modify admin --reset-password" in again.lines[-1]
        changed = instance.config(proxy={"hsts_seconds": 1})
        assert "password" not in "\n".join(site.deployment(changed).deploy().lines)

    def test_a_refused_account_shows_mastodons_words(self, site):
        site.swarm.outcomes["owner"] = [(1, "Failure/Error: account.username\n    invalid\n")]
        with pytest.raises(Partial, match="invalid"):
            site.deployment().deploy()


def test_unhealthy_is_its_own_exit_code_when_nothing_else_was_to_do(site):
    site.deployment().deploy()
    record = site.state.load()
    site.state.save(Applied.from_json({**record.as_json(), "verified": ""}))
    site.probed = lambda: (BAD,)
    with pytest.raises(Unhealthy):
        site.deployment().deploy()
