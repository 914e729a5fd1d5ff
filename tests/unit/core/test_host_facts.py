"""What one look at a host means for provisioning it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from instancectl.core.check import Severity
from instancectl.core.host.facts import SUPPORTED, HostFacts, from_json, problems

GIB = 1024**3
FRESH = HostFacts(
    hostname="vps", system="debian", version="12", codename="bookworm", machine="x86_64", python="3.11",
    pythons=("3.11",), python_offered=True, user="root", sudo="root", memory_bytes=4 * GIB, cores=2,
    disk_free_bytes=30 * GIB, systemd=True,
)  # fmt: skip


def found(facts: HostFacts, severity: Severity = Severity.FAIL) -> list[str]:
    return [one.check for one in problems(facts) if one.severity is severity]


def test_a_fresh_server_has_no_problems():
    assert problems(FRESH) == ()


@pytest.mark.parametrize(("system", "version", "name"), SUPPORTED)
def test_supported_systems_are_named_for_people(system, version, name):
    facts = replace(FRESH, system=system, version=version)
    assert facts.supported
    assert facts.name == name
    assert problems(facts) == ()


@pytest.mark.parametrize(
    ("system", "version"), [("debian", "11"), ("fedora", "41"), ("ubuntu", "20.04"), ("", ""), ("arch", "")]
)
def test_other_systems_are_refused_with_the_list(system, version):
    (finding,) = problems(replace(FRESH, system=system, version=version))
    assert finding.check == "host-system"
    assert all(name in finding.needed for _, _, name in SUPPORTED)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"machine": "i686"}, "host-machine"),
        ({"systemd": False}, "host-systemd"),
        ({"pythons": (), "python_offered": False}, "host-python"),
        ({"sudo": "password", "user": "me"}, "host-sudo"),
        ({"sudo": "none", "user": "me"}, "host-sudo"),
        ({"dpkg_problem": "docker.io"}, "host-dpkg"),
        ({"dpkg_holder": "apt-get (pid 812)"}, "host-dpkg-lock"),
        ({"docker_package": "snap"}, "host-docker"),
        ({"docker_package": "podman-docker"}, "host-docker"),
        ({"disk_free_bytes": 2 * GIB}, "host-disk"),
        ({"disk_free_bytes": 0, "record": {}}, "host-disk"),
    ],
)
def test_what_stands_in_the_way_is_told_with_what_to_type(change, check):
    findings = [one for one in problems(replace(FRESH, **change)) if one.severity is Severity.FAIL]
    assert [one.check for one in findings] == [check]
    assert findings[0].seen
    assert findings[0].needed
    assert findings[0].hint


@pytest.mark.parametrize(
    ("change", "check"),
    [({"held_packages": ("docker.io",)}, "host-held"), ({"memory_bytes": GIB // 2}, "host-memory")],
)
def test_what_only_deserves_a_word_does_not_stand_in_the_way(change, check):
    facts = replace(FRESH, **change)
    assert found(facts) == []
    assert found(facts, Severity.WARN) == [check]


def test_what_is_unknown_is_not_judged():
    assert found(replace(FRESH, disk_free_bytes=None, memory_bytes=0)) == []


def test_a_provisioned_host_may_be_fuller_than_a_fresh_one():
    assert found(replace(FRESH, disk_free_bytes=GIB, record={"name": "one"})) == []


def test_a_python_that_apt_offers_is_enough():
    assert found(replace(FRESH, system="ubuntu", version="22.04", pythons=(), python="3.10")) == []


def test_facts_come_from_a_document_that_may_know_more_or_less():
    facts = from_json(
        {"hostname": "x", "addresses": ["192.0.2.1", "2001:db8::1"], "novel": 1, "record": {"a": 1}}
    )
    assert facts.hostname == "x"
    assert facts.addresses == ("192.0.2.1", "2001:db8::1")
    assert facts.provisioned
    assert not from_json({}).provisioned


def test_every_fact_has_its_sentence():
    described = HostFacts.__doc__ or ""
    assert [field.name for field in fields(HostFacts) if f"        {field.name}:" not in described] == []
