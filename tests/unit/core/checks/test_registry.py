"""The registry, the gates, the report, the reference."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity
from instancectl.core.checks import registry, report
from instancectl.core.checks.catalogue import REGISTRY
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Check, Gate, Skipped
from instancectl.core.checks.seen import NoAnswer
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import answers_of, config_of, facts_of, fresh

OBSERVED = [
    field.name
    for field in fields(Facts)
    if field.name not in {"config", "applied", "secrets", "now", "stack"}
]

# The stack alone says that our own proxy holds the ports; the table of releases needs the day only for some.
DECIDED_WITHOUT_LOOKING = {"ports", "release"}


def of(facts: Facts) -> dict[str, Finding]:
    return {one.check: one for one in registry.findings(registry.judge(REGISTRY, facts))}


def test_a_running_instance_without_faults_has_only_ok_findings() -> None:
    assert {one.severity for one in of(facts_of()).values()} == {Severity.OK}


def test_slugs_are_unique_and_fit_for_an_anchor() -> None:
    assert len(set(registry.SLUGS)) == len(registry.SLUGS)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in registry.SLUGS)


@pytest.mark.parametrize("check", REGISTRY, ids=lambda check: check.slug)
def test_a_finding_bears_the_slug_of_its_check(check: Check) -> None:
    for facts in (facts_of(), fresh(), Facts(config_of())):
        assert check.judge(facts).check == check.slug


@pytest.mark.parametrize("check", REGISTRY, ids=lambda check: check.slug)
def test_what_nobody_saw_never_reads_as_well(check: Check) -> None:
    """With everything unseen but the stack, a check that looks at something is not `ok`."""
    blind = replace(
        facts_of(applied=Applied(local_domain="x.dev.org")), **dict.fromkeys(OBSERVED, Unknown("blind"))
    )
    if not check.looks or check.slug in DECIDED_WITHOUT_LOOKING:
        return
    answer = check.judge(blind)
    assert isinstance(answer, Skipped) or answer.severity is not Severity.OK


@pytest.mark.parametrize("check", REGISTRY, ids=lambda check: check.slug)
def test_what_is_not_well_says_what_is_needed_and_what_to_type(check: Check) -> None:
    nothing = Facts(config_of())
    answer = check.judge(nothing)
    if isinstance(answer, Finding) and answer.severity is not Severity.OK:
        assert answer.needed or answer.hint
        assert answer.seen
        assert not answer.seen.endswith(".")


def test_health_is_part_of_the_registry() -> None:
    assert set(registry.SLUGS) >= registry.HEALTH


def test_a_first_deploy_is_gated_by_more_than_a_later_one() -> None:
    assert registry.GATES[Gate.CHANGED] < registry.GATES[Gate.FIRST]
    assert {"ports", "dns", "disk", "owner-mail", "postgresql-version"} <= registry.GATES[Gate.FIRST]
    assert not {"dns", "smtp", "owner-mail", "s3"} & registry.GATES[Gate.CHANGED]


def test_no_gate_looks_at_health() -> None:
    """A deploy is how an instance is mended: being ill must not stop it."""
    assert not registry.HEALTH & registry.GATES[Gate.FIRST]


def test_an_accepted_fail_becomes_a_warning_that_says_so() -> None:
    failed = Finding("dns", Severity.FAIL, "elsewhere", "here", "mend it")
    other = Finding("disk", Severity.FAIL, "small", "big", "buy")
    found = registry.findings((failed, other), accepted=("dns",))
    assert [one.severity for one in found] == [Severity.WARN, Severity.FAIL]
    assert found[0].seen == "elsewhere (accepted)"


def test_the_headline_of_a_well_instance_says_so() -> None:
    found = tuple(of(facts_of()).values())
    assert report.headline(facts_of(), found).startswith("social.dev.org is well (")
    ready = tuple(of(fresh()).values())
    assert report.headline(fresh(), ready).startswith("social.dev.org is ready to be deployed (")


def test_the_headline_names_the_dependency_that_died_and_where_it_shows() -> None:
    facts = facts_of(
        postgres=NoAnswer("connection refused"), probes=answers_of(config_of(), federation=500, streaming=500)
    )
    line = report.headline(facts, tuple(of(facts).values()))
    assert line.startswith(
        "social.dev.org: fail: PostgreSQL is down, which shows in federation, streaming (3 fail"
    )


def test_the_report_tells_the_worst_first_and_every_hint() -> None:
    facts = facts_of(clock=Unknown("no answer"), store=Unknown("x"), edge=NoAnswer("connection refused"))
    judgements = registry.judge(REGISTRY, facts)
    lines = report.lines(facts, registry.findings(judgements), registry.skipped(judgements))
    titles = [line for line in lines if line and not line.startswith(" ")][1:]
    assert [title.split(":")[0] for title in titles] == ["fail", "unknown", "ok", "not judged"]
    assert any("hint: type `instancectl logs proxy`" in line for line in lines)
    assert lines[-1].strip().startswith("s3: media are stored on this host")


def test_the_report_is_the_same_without_colour() -> None:
    lines = report.lines(facts_of(), tuple(of(facts_of()).values()), ())
    assert not any("\x1b" in line for line in lines)


def test_the_reference_has_a_section_for_every_check() -> None:
    page = registry.reference_markdown()
    for check in REGISTRY:
        assert f"\n## {check.slug}\n" in page
        assert f"(#{check.slug})" in page
        assert check.question in page
