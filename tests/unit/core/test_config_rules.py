from __future__ import annotations

import pytest

from instancectl.adapters.config_file import parse
from instancectl.core.config_rules import RULES, contradictions

BROKEN = {
    "mail-server": "",
    "mail-none": '[mail]\nmode = "none"\n',
    "acme-name": '[mail]\nmode = "catch"\n',
    "s3-endpoint": '[mail]\nmode = "catch"\n[media]\nstorage = "s3"\ns3_bucket = "b"\ns3_endpoint = "s3"\n',
    "single-user": '[mail]\nmode = "catch"\n[registrations]\nmode = "open"\n',
    "ports": '[mail]\nmode = "catch"\n[proxy]\nhttp_port = 443\n',
    "env-secret": '[mail]\nmode = "catch"\n[mastodon.env]\nES_PASS = "x"\n',
}
DOMAINS = {
    "acme-name": 'domain = "mastodon.localhost"',
    "single-user": 'domain = "a.org"\nsingle_user = true',
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_each_rule_finds_what_it_is_for_and_nothing_else_does(rule) -> None:
    domain = DOMAINS.get(rule.slug, 'domain = "a.org"')
    found = list(contradictions(parse(f"[instance]\n{domain}\n{BROKEN[rule.slug]}")))
    assert [finding.check for finding in found] == [f"config-{rule.slug}"]
    assert found[0].severity is rule.severity
    assert found[0].needed
    assert found[0].hint


def test_a_usual_instance_breaks_no_rule() -> None:
    text = '[instance]\ndomain = "social.example.org"\n[mail]\nserver = "mx.example.org"\n'
    assert list(contradictions(parse(text))) == []


def test_an_authority_of_ones_own_may_certify_any_name() -> None:
    text = '[instance]\ndomain = "a.test"\n[mail]\nmode = "catch"\n[tls]\nacme_directory = "https://ca.test/dir"\n'
    assert list(contradictions(parse(text))) == []
