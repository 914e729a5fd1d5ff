"""Corners: what is unseen, half seen, or seen twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.certificate import validity
from instancectl.core.check import Finding, Severity
from instancectl.core.checks import edge, health, machine, mail, registry, report, sidekiq, software
from instancectl.core.checks.model import Skipped
from instancectl.core.checks.seen import ClientAddress, ImageSeen, MailTalk
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import config_of, facts_of, fresh

BLIND = Unknown("nobody could look")


def judged(answer: object) -> Finding:
    assert isinstance(answer, Finding)
    return answer


def test_memory_and_cores_nobody_saw_are_unknown() -> None:
    assert judged(machine.memory(facts_of(memory=BLIND))).severity is Severity.UNKNOWN
    assert judged(machine.cores(facts_of(cores=BLIND))).severity is Severity.UNKNOWN


def test_without_a_layout_memory_and_cores_refer_to_the_file() -> None:
    for judge, field in ((machine.memory, "memory_budget"), (machine.cores, "layout")):
        answer = judge(facts_of(**{field: BLIND}))
        assert isinstance(answer, Skipped)
        assert "`config`" in answer.why


def test_images_nobody_could_ask_about_are_unknown_and_missing_ones_are_named() -> None:
    assert software.images(facts_of(images=BLIND)).severity is Severity.UNKNOWN
    found = (ImageSeen("web", "web:1", False), ImageSeen("db", "db:1", True))
    assert software.images(fresh(images=found)).seen == "1 of 2 on this host; to fetch: web:1"


def test_mail_in_the_clear_although_starttls_is_offered_warns() -> None:
    talk = MailTalk(None, "", "", True)
    finding = judged(mail.smtp(facts_of(config_of(mail={"login": ""}), mail=talk)))
    assert finding.severity is Severity.WARN
    assert "offers STARTTLS" in finding.seen


def test_mail_nobody_could_try_is_unknown() -> None:
    assert judged(mail.smtp(facts_of(mail=BLIND))).severity is Severity.UNKNOWN


def test_an_edge_that_tells_nonsense_as_an_address_fails() -> None:
    sample = ClientAddress("9.9.9.9", "9.9.9.9", "unknown")
    assert judged(edge.client_address(facts_of(client_address=(sample,)))).severity is Severity.FAIL


def test_an_address_of_ipv4_written_as_ipv6_is_the_same() -> None:
    sample = ClientAddress("9.9.9.9", "9.9.9.9", "::ffff:9.9.9.9")
    assert judged(edge.client_address(facts_of(client_address=(sample,)))).severity is Severity.OK


def test_addresses_nobody_could_ask_through_are_unknown() -> None:
    for found in (BLIND, ()):
        assert judged(edge.client_address(facts_of(client_address=found))).severity is Severity.UNKNOWN


def test_translated_ipv6_with_names_unseen_counts_as_unpublished() -> None:
    samples = (
        ClientAddress("9.9.9.9", "9.9.9.9", "9.9.9.9"),
        ClientAddress("2620::1", "2620::1", "172.18.0.1"),
    )
    assert judged(edge.client_address(facts_of(client_address=samples, names=BLIND))).severity is Severity.OK


def test_a_probe_without_a_line_for_a_surface_is_unknown() -> None:
    assert judged(health.web(facts_of(probes=()))).severity is Severity.UNKNOWN


def test_without_docker_nobody_knows_how_many_processes_there_should_be() -> None:
    assert judged(sidekiq.heartbeat(facts_of(stack=BLIND))).severity is Severity.OK
    assert judged(health.services(facts_of(stack=BLIND))).severity is Severity.UNKNOWN


def test_a_headline_without_findings_says_so() -> None:
    assert report.headline(facts_of(), ()).endswith("nothing to judge")


def test_checks_that_are_chosen_keep_their_order() -> None:
    assert [one.slug for one in registry.chosen(("dns", "config"))] == ["config", "dns"]
    assert len(registry.chosen(())) == len(registry.REGISTRY)


def test_an_accepted_finding_that_did_not_fail_stays_as_it_was() -> None:
    fine = Finding("dns", Severity.WARN, "half")
    assert registry.findings((fine,), ("dns",)) == (fine,)
    assert registry.findings((replace(fine, severity=Severity.OK),), ("dns",))[0].severity is Severity.OK


def test_a_certificate_with_another_type_where_a_time_belongs_is_refused() -> None:
    integer, empty = bytes([2, 1, 0]), bytes([0x30, 0])
    times = bytes([0x30, 2 * len(integer)]) + 2 * integer
    fields = integer + empty + empty + times
    body = bytes([0x30, len(fields)]) + fields
    with pytest.raises(ValueError, match="where a time belongs"):
        validity(bytes([0x30, len(body)]) + body)
