"""Checks of the DNS, of the way out for mail, of the owner's address."""

from __future__ import annotations

import pytest

from instancectl.core.applied import Applied
from instancectl.core.check import Finding, Severity
from instancectl.core.checks import mail, names
from instancectl.core.checks.model import Skipped
from instancectl.core.checks.seen import MailStage, MailTalk, NameAnswer
from instancectl.core.questions import MailDomain
from instancectl.core.unknown import Unknown
from tests.unit.core.checks.facts_of import DOMAIN, PUBLIC, config_of, facts_of, fresh, stack_of


def judged(answer: object) -> Finding:
    assert isinstance(answer, Finding)
    return answer


def dns(
    *addresses: str, own: tuple[str, ...] = (PUBLIC,), error: str = "", **sections: dict[str, object]
) -> Finding:
    answers = (NameAnswer(DOMAIN, addresses, error),)
    return names.dns(facts_of(config_of(**sections), names=answers, addresses=own))


def test_a_domain_that_leads_here_is_fine() -> None:
    assert dns(PUBLIC).severity is Severity.OK


def test_a_domain_that_leads_elsewhere_is_refused_with_the_addresses_seen() -> None:
    finding = dns("1.1.1.1")
    assert finding.severity is Severity.FAIL
    assert finding.seen == f"`{DOMAIN}` → 1.1.1.1, but this host is {PUBLIC}"
    assert f"dig +short {DOMAIN}" in finding.hint


def test_a_domain_without_a_record_fails() -> None:
    finding = dns()
    assert finding.severity is Severity.FAIL
    assert "has no address" in finding.seen


@pytest.mark.parametrize("tls", [{"mode": "internal"}, {"acme_directory": "https://ca.dev.org/dir"}])
def test_where_no_public_authority_asks_a_wrong_record_only_warns(tls: dict[str, object]) -> None:
    assert dns("1.1.1.1", tls=tls).severity is Severity.WARN


def test_one_record_of_several_that_leads_elsewhere_warns_and_is_named() -> None:
    finding = dns(PUBLIC, "2606:4700::1")
    assert finding.severity is Severity.WARN
    assert "2606:4700::1 is not this host" in finding.seen


def test_behind_address_translation_nobody_can_tell() -> None:
    finding = dns("1.1.1.1", own=("10.0.0.5",))
    assert finding.severity is Severity.UNKNOWN
    assert "10.0.0.5" in finding.seen


def test_name_servers_that_are_silent_are_unknown_not_missing() -> None:
    assert dns(error="no name server answered within 4 s").severity is Severity.UNKNOWN


def test_every_name_that_must_lead_here_is_looked_at() -> None:
    config = config_of(
        instance={"web_domain": "web.dev.org", "alternate_domains": ["alt.dev.org"]},
        proxy={"www_redirect": True},
        mail={"mode": "catch"},
    )
    wanted = (DOMAIN, "web.dev.org", "alt.dev.org", f"www.{DOMAIN}", f"mail.{DOMAIN}")
    assert set(names.needed_names(config)) == set(wanted)


def test_the_worst_name_decides_and_all_that_are_as_bad_are_told() -> None:
    answers = (
        NameAnswer("a.dev.org", (PUBLIC,)),
        NameAnswer("b.dev.org", ()),
        NameAnswer("c.dev.org", ("1.1.1.1",)),
    )
    finding = names.dns(facts_of(names=answers))
    assert finding.severity is Severity.FAIL
    assert "a.dev.org" not in finding.seen
    assert "b.dev.org" in finding.seen
    assert "c.dev.org" in finding.seen


def test_a_local_name_is_not_compared_and_says_so() -> None:
    config = config_of(instance={"domain": "mastodon.localhost"}, tls={"mode": "internal"})
    finding = names.dns(facts_of(config, names=Unknown("never looked"), addresses=Unknown("never looked")))
    assert finding.severity is Severity.OK
    assert "cannot be in the public DNS" in finding.seen


def test_a_local_name_with_a_public_authority_can_never_work() -> None:
    finding = names.dns(facts_of(config_of(instance={"domain": "mastodon.localhost"})))
    assert finding.severity is Severity.FAIL
    assert 'tls.mode = "internal"' in finding.hint


def test_no_mail_at_all_warns() -> None:
    assert judged(mail.smtp(facts_of(config_of(mail={"mode": "none"})))).severity is Severity.WARN


def test_caught_mail_needs_no_server() -> None:
    facts = facts_of(config_of(mail={"mode": "catch"}), mail=Unknown("mail stays on this host"))
    assert isinstance(mail.smtp(facts), Skipped)


@pytest.mark.parametrize(
    ("stage", "said", "section", "hint"),
    [
        ("connect", "timed out", {"port": 25}, "port 25"),
        ("connect", "Connection refused", {}, "openssl s_client -connect mail.dev.org:587 -starttls smtp"),
        ("greeting", "no answer in time", {"port": 465}, "`mail.tls = true`"),
        (
            "tls",
            "[SSL: WRONG_VERSION_NUMBER] wrong version number",
            {"tls": True, "starttls": "never"},
            "STARTTLS",
        ),
        ("tls", "the certificate is not trusted: Hostname mismatch", {}, "`mail.server`"),
        ("starttls", "the server does not offer STARTTLS", {}, "`mail.starttls`"),
        ("auth", "535 bad credentials", {}, "SMTP_PASSWORD"),
        ("send", "550 sender not allowed", {}, "`mail.from_address`"),
    ],
)
def test_each_stage_that_fails_has_its_own_hint(
    stage: MailStage, said: str, section: dict[str, object], hint: str
) -> None:
    talk = MailTalk(stage, said, auth_offered=("plain",))
    finding = judged(mail.smtp(facts_of(config_of(mail=section), mail=talk)))
    assert finding.severity is Severity.FAIL
    assert said in finding.seen
    assert hint in finding.hint


def test_a_login_method_that_is_not_offered_names_those_that_are() -> None:
    talk = MailTalk("auth", "the server offers login, not PLAIN", auth_offered=("login",))
    assert "`mail.auth_method`" in judged(mail.smtp(facts_of(mail=talk))).hint


def test_a_password_in_the_clear_warns() -> None:
    talk = MailTalk(None, "", "", False, ("plain",), True)
    assert "readable" in judged(mail.smtp(facts_of(mail=talk))).seen


def test_an_accepted_test_mail_shows_its_receipt() -> None:
    talk = MailTalk(None, "250 queued as 1234", "TLSv1.3", True, ("plain",), True, True)
    finding = judged(mail.smtp(facts_of(mail=talk)))
    assert finding.severity is Severity.OK
    assert "250 queued as 1234" in finding.seen


def owner(found: MailDomain | Unknown, **sections: dict[str, object]) -> Finding:
    return judged(mail.owner_mail(fresh(config_of(**sections), owner_mail=found)))


def test_an_owner_whose_domain_resolves_is_fine() -> None:
    assert owner(MailDomain(("mx.dev.org",), (PUBLIC,))).severity is Severity.OK


@pytest.mark.parametrize(
    ("exchangers", "told"),
    [((), "no MX, A or AAAA"), ((".",), "takes no mail"), (("mx.dev.org",), "none of which has an address")],
)
def test_an_owner_mastodon_would_refuse_is_told_the_missing_record(
    exchangers: tuple[str, ...], told: str
) -> None:
    finding = owner(MailDomain(exchangers, ()))
    assert finding.severity is Severity.FAIL
    assert told in finding.seen
    assert "`email unreachable`" in finding.seen


def test_name_servers_silent_inside_the_container_are_unknown() -> None:
    assert owner(MailDomain((), (), "no name server answered within 2 s")).severity is Severity.UNKNOWN


def test_an_answer_from_the_host_alone_says_so() -> None:
    assert "on this host" in owner(MailDomain((), (PUBLIC,), from_container=False)).seen


def test_an_allowed_domain_is_not_looked_up() -> None:
    finding = owner(Unknown("x"), mastodon={"env": {"EMAIL_DOMAIN_ALLOWLIST": "other.org|dev.org"}})
    assert finding.severity is Severity.OK


def test_the_instances_own_local_name_is_fine_before_the_proxy_runs_and_asked_for_after() -> None:
    config = config_of(
        instance={"domain": "m.localhost"}, owner={"email": "a@m.localhost"}, tls={"mode": "internal"}
    )
    assert judged(mail.owner_mail(fresh(config, owner_mail=MailDomain((), ())))).severity is Severity.OK
    running = fresh(config, stack=stack_of("proxy"), owner_mail=MailDomain((), ()))
    assert judged(mail.owner_mail(running)).severity is Severity.FAIL


def test_without_a_wanted_owner_there_is_nothing_to_judge() -> None:
    assert isinstance(mail.owner_mail(fresh(config_of(owner={"email": ""}))), Skipped)


def test_an_owner_that_exists_is_not_asked_about_again() -> None:
    facts = facts_of(applied=Applied(owner_done=True), owner_mail=Unknown("x"))
    assert judged(mail.owner_mail(facts)).severity is Severity.OK
