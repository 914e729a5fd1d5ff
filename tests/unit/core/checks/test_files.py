"""Checks of the instance file, the secrets, the identity, the release, the connections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instancectl.core.applied import Applied
from instancectl.core.budget import Budget, Line
from instancectl.core.check import Finding, Severity
from instancectl.core.checks import files
from instancectl.core.checks.model import Skipped
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import DAY, DOMAIN, NOW, config_of, facts_of, fresh


def judged(answer: object) -> Finding:
    assert isinstance(answer, Finding)
    return answer


def test_a_sound_file_is_named_with_what_it_asks_for() -> None:
    finding = files.config(facts_of())
    assert finding.severity is Severity.OK
    assert DOMAIN in finding.seen
    assert "4.6.3" in finding.seen


def test_sizes_that_do_not_fit_fail_with_their_own_reason_and_hint() -> None:
    finding = files.config(facts_of(layout=Unknown("too much: 5 GiB > 2 GiB", "lower it")))
    assert finding.severity is Severity.FAIL
    assert "5 GiB > 2 GiB" in finding.seen
    assert finding.hint == "lower it"


def test_sizes_nobody_could_judge_are_unknown() -> None:
    nowhere = Unknown("no engine")
    assert files.config(facts_of(layout=nowhere, stack=nowhere, memory=nowhere)).severity is Severity.UNKNOWN


def test_mail_by_smtp_without_a_server_fails() -> None:
    finding = files.config(facts_of(config_of(mail={"server": ""})))
    assert finding.severity is Severity.FAIL
    assert "`mail.server`" in finding.hint


def test_every_wrong_secret_is_named() -> None:
    problems = (
        Finding("secret-OTP_SECRET", Severity.FAIL, "`OTP_SECRET` is missing", hint="put it back"),
        Finding("secret-SMTP_PASSWORD", Severity.FAIL, "`SMTP_PASSWORD` is missing"),
    )
    finding = files.secrets(facts_of(secrets=problems))
    assert finding.severity is Severity.FAIL
    assert "OTP_SECRET" in finding.seen
    assert "SMTP_PASSWORD" in finding.seen
    assert finding.hint == "put it back"


def test_secrets_nobody_looked_at_are_unknown_not_fine() -> None:
    assert files.secrets(facts_of(secrets=Unknown("no file"))).severity is Severity.UNKNOWN


def test_a_changed_domain_fails_and_says_which_it_was() -> None:
    finding = files.identity(facts_of(applied=Applied(local_domain="old.dev.org")))
    assert finding.severity is Severity.FAIL
    assert "old.dev.org" in finding.seen
    assert 'instance.domain = "old.dev.org"' in finding.hint


@pytest.mark.parametrize(
    ("recorded", "wanted", "value"),
    [
        ("", "web.dev.org", '""'),
        ("web.dev.org", "", '"web.dev.org"'),
        ("a.dev.org", "b.dev.org", '"a.dev.org"'),
    ],
)
def test_a_changed_web_domain_fails_and_says_what_to_set(recorded: str, wanted: str, value: str) -> None:
    config = config_of(instance={"web_domain": wanted})
    finding = files.identity(facts_of(config, applied=Applied(local_domain=DOMAIN, web_domain=recorded)))
    assert finding.severity is Severity.FAIL
    assert finding.hint == f"set `instance.web_domain = {value}`"


def test_writing_the_domain_again_as_web_domain_is_no_change() -> None:
    config = config_of(instance={"web_domain": DOMAIN})
    assert files.identity(facts_of(config, applied=Applied(local_domain=DOMAIN))).severity is Severity.OK


def test_before_the_first_deploy_any_domain_will_do() -> None:
    assert files.identity(fresh()).severity is Severity.OK


def test_an_unknown_line_of_releases_warns() -> None:
    finding = files.release(facts_of(config_of(instance={"release": "5.0.0"})))
    assert finding.severity is Severity.WARN
    assert "5.0.0" in finding.seen


def test_a_line_without_security_support_warns_with_the_day() -> None:
    finding = files.release(facts_of(config_of(instance={"release": "4.3.23"})))
    assert finding.severity is Severity.WARN
    assert "ended on 2026-05-20" in finding.seen


def test_support_that_ends_within_a_month_warns_beforehand() -> None:
    config = config_of(instance={"release": "4.4.20"})
    assert "end on 2026-12-17" in files.release(facts_of(config)).seen
    assert files.release(facts_of(config, now=NOW - 60 * DAY)).severity is Severity.OK


def test_a_newer_release_of_the_same_line_is_named() -> None:
    finding = files.release(facts_of(config_of(instance={"release": "4.7.1"})))
    assert finding.severity is Severity.WARN
    assert "4.7.6" in finding.hint


def test_connections_beyond_the_limit_fail_with_the_arithmetic() -> None:
    budget = Budget("connections", (Line("web", 80, "2 × 8 × 5"), Line("reserved", 30, "")), 100)
    finding = judged(files.connections(facts_of(connection_budget=budget)))
    assert finding.severity is Severity.FAIL
    assert finding.seen == "web 80 + reserved 30 = 110 > 100"


def test_without_a_layout_connections_are_not_judged_twice() -> None:
    assert isinstance(files.connections(facts_of(connection_budget=Unknown("no layout"))), Skipped)


def test_connections_that_fit_tell_how_many() -> None:
    facts = facts_of()
    budget = facts.connection_budget
    assert isinstance(budget, Budget)
    finding = judged(files.connections(replace(facts)))
    assert finding.severity is Severity.OK
    assert f"{budget.total} of {budget.limit}" in finding.seen
