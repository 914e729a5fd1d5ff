"""`check` looks at what its checks need, and tells what it saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.applied import Applied
from instancectl.core.check import Severity
from instancectl.core.result import Status
from instancectl.core.secrets import Secret
from instancectl.core.service import ServiceSpec
from instancectl.errors import Refused
from instancectl.operations.check import check, health
from tests.fakes.host import FakeHost
from tests.fakes.http import answer
from tests.fakes.object_store import FakeStore
from tests.operations.check_world import DOMAIN, HERE, fresh, world


def test_an_instance_that_runs_well_is_well() -> None:
    result = world().check()
    assert result.exit_code == 0
    assert result.status is Status.OK
    assert result.data["verdict"] == "ok"
    assert result.lines[0].startswith(f"{DOMAIN} is well")
    assert {one["severity"] for one in result.data["findings"]} == {"ok"}


def test_before_the_first_deploy_everything_that_can_be_judged_is() -> None:
    result = fresh().check()
    assert result.exit_code == 0
    assert result.lines[0].startswith(f"{DOMAIN} is ready to be deployed")
    reasons = {one["check"]: one["reason"] for one in result.data["skipped"]}
    assert reasons["web"] == "nothing is deployed yet"


def test_a_fail_exits_4_and_leads_the_answer() -> None:
    here = world()
    here.containers.dead.add("db")
    result = here.check()
    assert result.exit_code == 4
    assert result.status is Status.FAILED
    assert "PostgreSQL is down" in result.lines[0]
    assert result.data["verdict"] == "fail"


@pytest.mark.parametrize(
    ("victim", "name", "shows"),
    [("db", "PostgreSQL", {"federation", "streaming"}), ("redis", "Redis", {"api"})],
)
def test_a_dead_dependency_is_named_and_not_blamed_on_others(victim: str, name: str, shows: set[str]) -> None:
    here = world()
    here.containers.dead.add(victim)
    found = here.found()
    failed = {slug for slug, one in found.items() if one.severity is Severity.FAIL}
    assert failed == {"services", {"db": "postgresql", "redis": "redis"}[victim], *shows}
    assert all(f"because {name} is down" in found[slug].seen for slug in shows)


def test_the_json_of_a_finding_has_the_five_keys() -> None:
    data = world().check().data
    assert set(data) == {"verdict", "headline", "findings", "skipped"}
    assert all(set(one) == {"check", "severity", "seen", "needed", "hint"} for one in data["findings"])


def test_only_the_named_checks_are_judged_and_only_their_facts_looked_at() -> None:
    here = world()
    result = here.check("disk")
    assert [one["check"] for one in result.data["findings"]] == ["disk"]
    assert set(here.together.ran) == {"stack", "memory", "cores", "disk", "images"}
    assert here.http.asked == []


def test_docker_down_leaves_the_rest_unknown_and_says_how_to_start_it() -> None:
    here = world()
    here.containers.engine_down = True
    found = here.found()
    assert found["docker"].severity is Severity.FAIL
    assert "systemctl start docker" in found["docker"].hint
    assert found["postgresql"].severity is Severity.UNKNOWN
    assert found["web"].severity is Severity.UNKNOWN
    assert found["dns"].severity is Severity.OK
    assert found["memory"].severity is Severity.OK, "judged by the host itself"


def test_what_hangs_is_unknown_and_holds_up_nothing_else() -> None:
    here = world()
    here.together.hanging |= {"mail", "names", "postgres", "edge"}
    found = here.found()
    for slug in ("smtp", "dns", "postgresql", "postgresql-version", "edge"):
        assert found[slug].severity is Severity.UNKNOWN, slug
        assert "no answer within" in found[slug].seen
    assert found["redis"].severity is Severity.OK


def test_a_look_that_breaks_is_told_as_a_bug_and_hides_nothing() -> None:
    class BrokenHost(FakeHost):
        def addresses(self) -> tuple[str, ...]:
            raise RuntimeError("boom")

    here = world()
    here.host = BrokenHost()
    found = here.found("dns", "web")
    assert found["dns"].severity is Severity.UNKNOWN
    assert "RuntimeError: boom" in found["dns"].seen
    assert found["web"].severity is Severity.OK


def test_a_date_that_is_none_does_not_set_the_clock() -> None:
    here = world()
    here.http.pages["https://acme-v02.api.letsencrypt.org/directory"] = answer(200, date="not a date")
    assert "nobody outside answered" in here.found("clock")["clock"].seen


def test_the_clock_is_compared_with_the_authority() -> None:
    here = world()
    here.time.now += 120
    finding = here.found("clock")["clock"]
    assert finding.severity is Severity.FAIL
    assert "ahead of acme-v02.api.letsencrypt.org" in finding.seen


def test_a_store_named_without_a_scheme_is_asked_over_https() -> None:
    here = world(media={"storage": "s3", "s3_bucket": "media", "s3_endpoint": "s3.dev.org"})
    here.http.pages["https://s3.dev.org"] = answer(200, date="Sun, 22 Nov 2026 05:44:55 GMT")
    assert "s3.dev.org" in here.found("clock")["clock"].seen


def test_a_local_instance_asks_nobody_outside_for_the_time() -> None:
    here = world(instance={"domain": "m.localhost"}, tls={"mode": "internal"})
    here.found("clock")
    assert here.http.asked == []


def test_a_client_address_that_the_edge_replaces_is_found() -> None:
    here = world()
    here.http.pages[f"https://{DOMAIN}/-/client-address"] = answer(200, b"172.18.0.1\n", HERE)
    assert here.found("client-address")["client-address"].severity is Severity.FAIL


def test_the_clients_address_is_asked_through_one_address_of_each_family() -> None:
    here = world()
    here.host.own = (HERE, "9.9.9.10", "2620:fe::9", "2620:fe::10")
    here.found("client-address")
    assert [one.connect_to for one in here.http.asked] == [HERE, "2620:fe::9"]


def test_another_https_port_is_asked_with_the_name_of_the_site() -> None:
    here = world(proxy={"https_port": 8443})
    here.found("edge")
    (asked,) = here.http.asked
    assert asked.url == f"https://{DOMAIN}:8443/health"
    assert dict(asked.headers)["Host"] == DOMAIN


def test_a_test_mail_is_handed_over_and_its_receipt_told() -> None:
    here = world()
    result = here.check("dns", send_test_mail="me@dev.org")
    assert [one["check"] for one in result.data["findings"]] == ["dns", "smtp"]
    (letter,) = here.mail.received
    assert letter.recipient == "me@dev.org"
    assert letter.sender == f"notifications@{DOMAIN}"
    assert "250 OK" in result.data["findings"][1]["seen"]


def test_without_the_option_no_mail_is_sent() -> None:
    here = world()
    here.check()
    assert here.mail.received == []


def test_a_test_mail_to_the_catcher_goes_through_a_container() -> None:
    here = world(mail={"mode": "catch"})
    here.containers.services["mail"] = ServiceSpec("mail", "mail:1")
    finding = here.check("smtp", send_test_mail="me@dev.org").data["findings"][0]
    assert finding["severity"] == "ok"
    assert f"https://mail.{DOMAIN}" in finding["seen"]
    del here.containers.services["mail"]
    finding = here.check("smtp", send_test_mail="me@dev.org").data["findings"][0]
    assert finding["severity"] == "fail"


@pytest.mark.parametrize("mail", [{"mode": "none"}, {"mode": "smtp", "server": ""}])
def test_a_test_mail_without_a_way_out_is_refused(mail: dict[str, str]) -> None:
    with pytest.raises(Refused, match="cannot send a test mail"):
        world(mail=mail).check(send_test_mail="me@dev.org")


S3 = {"storage": "s3", "s3_bucket": "media", "s3_endpoint": "https://s3.dev.org"}


def test_a_bucket_is_tried_and_left_as_it_was() -> None:
    here = world(media=S3)
    here.store = FakeStore()
    assert here.found("s3")["s3"].severity is Severity.OK
    assert here.store.objects == {}


@pytest.mark.parametrize("stage", ["put", "get", "delete"])
def test_each_refusal_of_a_bucket_is_told_with_its_stage(stage: str) -> None:
    here = world(media=S3)
    here.store = FakeStore()
    here.store.refuses[stage] = "AccessDenied: Access Denied"
    finding = here.found("s3")["s3"]
    assert finding.severity is Severity.FAIL
    assert f"cannot {stage} an object: AccessDenied" in finding.seen


def test_an_object_that_cannot_be_read_is_still_removed() -> None:
    here = world(media=S3)
    here.store = FakeStore()
    here.store.refuses["get"] = "AccessDenied: Access Denied"
    here.found("s3")
    assert here.store.objects == {}


def test_a_bucket_that_does_not_answer_is_unknown() -> None:
    here = world(media=S3)
    here.store = FakeStore()
    here.store.reachable = False
    assert here.found("s3")["s3"].severity is Severity.UNKNOWN


def test_the_owners_domain_is_asked_from_the_running_web() -> None:
    here = world()
    here.applied = Applied(local_domain=DOMAIN)
    assert "from inside a container" in here.found("owner-mail")["owner-mail"].seen
    assert here.containers.asked == ["web"]


def test_before_the_first_deploy_the_owners_domain_is_asked_from_the_image() -> None:
    here = fresh()
    here.containers.mail_records = ((), ())
    finding = here.found("owner-mail")["owner-mail"]
    assert finding.severity is Severity.FAIL
    assert "from inside a container" in finding.seen


def test_without_the_image_the_owners_domain_is_asked_from_the_host() -> None:
    here = fresh()
    here.containers.images.clear()
    here.dns.mx["dev.org"] = ("mx.dev.org",)
    assert here.found("owner-mail")["owner-mail"].severity is Severity.FAIL
    here.dns.records["mx.dev.org"] = ("9.9.9.8",)
    assert here.found("owner-mail")["owner-mail"].severity is Severity.OK
    here.dns.silent = True
    assert here.found("owner-mail")["owner-mail"].severity is Severity.UNKNOWN


def test_health_is_what_a_person_would_notice() -> None:
    here = world()
    found = {one.check: one for one in health(here.senses, here.subject)}
    assert set(found) >= {"web", "federation", "api", "streaming", "sidekiq", "queues", "edge"}
    assert {one.severity for one in found.values()} == {Severity.OK}


def test_without_the_cache_the_replicas_are_asked_from_web() -> None:
    here = world()
    here.containers.dead.add("cache")
    assert here.found("web")["web"].severity is Severity.OK
    here.containers.dead.add("web")
    finding = here.found("web")["web"]
    assert finding.severity is Severity.UNKNOWN
    assert "neither cache nor web runs" in finding.seen


def test_a_silent_mail_server_is_told_with_its_port() -> None:
    here = world(mail={"port": 465})
    here.mail.speaks = False
    finding = here.found("smtp")["smtp"]
    assert finding.severity is Severity.FAIL
    assert "port 465 speaks TLS from the start" in finding.hint


def test_no_secret_is_in_the_answer() -> None:
    here = world()
    here.mail.login = ("mastodon", "another password")
    result = check(here.senses, replace(here.subject, mail_password=Secret("hunter2")))
    assert result.exit_code == 4
    assert "hunter2" not in str(result.data) + "".join(result.lines)
