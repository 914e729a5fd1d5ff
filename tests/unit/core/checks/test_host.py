"""A provisioned host that has drifted, one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from instancectl.core.check import Finding, Severity
from instancectl.core.checks import host
from instancectl.core.checks.model import Skipped
from instancectl.core.host.drift import FirewallSeen, KeySeen, PackagesSeen, UnitSeen
from instancectl.core.host.files import SSHD
from instancectl.core.host.settings import Peer
from instancectl.core.observed import Node, Observed
from instancectl.core.unknown import Unknown
from tests.fakes.own_host import RECORD
from tests.unit.core.checks.facts_of import HOST, NOW, facts_of, stack_of

CHECKS = {
    "exposure": host.exposure,
    "firewall": host.firewall,
    "sshd": host.sshd,
    "timers": host.timers,
    "packages": host.packages,
    "keys": host.keys,
    "nodes": host.nodes,
    "managed-files": host.managed_files,
}


def judged(slug: str, **changes: Any) -> Finding:
    found = CHECKS[slug](facts_of(**changes))
    assert isinstance(found, Finding)
    return found


@pytest.mark.parametrize("slug", CHECKS)
def test_a_host_that_was_not_provisioned_is_not_judged(slug: str) -> None:
    assert CHECKS[slug](facts_of(record=None)) == Skipped(
        slug, "this host was not provisioned by instancectl"
    )


@pytest.mark.parametrize("slug", CHECKS)
def test_a_record_that_cannot_be_read_is_unknown(slug: str) -> None:
    assert judged(slug, record=Unknown("only root may")).severity is Severity.UNKNOWN


def failed(slug: str, **changes: Any) -> str:
    found = judged(slug, **changes)
    assert found.severity is Severity.FAIL
    assert found.hint
    return found.seen + " → " + found.hint


def test_a_firewall_that_is_off_fails() -> None:
    told = failed("firewall", firewall=FirewallSeen("", "table"))
    assert "off" in told
    assert "systemctl restart instancectl-firewall" in told


def test_a_rule_that_was_added_is_quoted() -> None:
    told = failed("firewall", firewall=FirewallSeen("a\nb\ntcp dport 6379 accept", "a\nb"))
    assert "`tcp dport 6379 accept` was added" in told


def test_a_rule_that_is_missing_is_quoted_with_how_many_more() -> None:
    assert "`b` is missing, and 1 more" in failed("firewall", firewall=FirewallSeen("a", "a\nb\nc"))


def test_a_firewall_file_that_is_gone_fails_though_the_rules_are_still_loaded() -> None:
    assert "next boot" in failed("firewall", firewall=FirewallSeen("table", ""))


def test_no_firewall_by_choice_is_not_judged() -> None:
    assert isinstance(host.firewall(facts_of(record=replace(RECORD, firewall=False))), Skipped)


@pytest.mark.parametrize(("key", "value"), [("passwordauthentication", "yes"), ("permitrootlogin", "yes")])
def test_a_weaker_sshd_fails_and_quotes_the_setting(key: str, value: str) -> None:
    assert f"`{key} {value}`" in failed("sshd", sshd={**HOST["sshd"], key: (value,)})


def test_a_port_that_the_firewall_keeps_closed_is_a_lock_out_to_come() -> None:
    assert "locks everybody out" in failed("sshd", sshd={**HOST["sshd"], "port": ("2222",)})


def test_a_changed_file_of_sshd_fails() -> None:
    assert f"{SSHD} is changed" in failed("sshd", managed={**RECORD.files, SSHD: "other"})


def test_an_sshd_that_was_never_closed_is_a_warning() -> None:
    assert judged("sshd", record=replace(RECORD, ssh_closed=False)).severity is Severity.WARN


def unit(**changes: Any) -> tuple[UnitSeen, ...]:
    return (replace(UnitSeen("x.timer", "loaded", "active", "enabled", True), **changes),)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"active": "inactive"}, "x.timer is stopped"),
        ({"enabled": "disabled"}, "x.timer is disabled"),
        ({"active": "failed"}, "x.timer failed"),
        ({"loaded": "masked", "enabled": "masked"}, "systemctl unmask x.timer"),
        ({"loaded": "not-found", "enabled": ""}, "instancectl host provision"),
    ],
)
def test_a_unit_that_does_not_do_its_work_fails(changes: dict[str, Any], told: str) -> None:
    assert told in failed("timers", units=unit(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"active": "inactive", "kind": "oneshot"},
        {"active": "inactive", "condition": False, "kind": "simple"},
        {"active": "activating"},
    ],
)
def test_a_unit_that_rests_is_well(changes: dict[str, Any]) -> None:
    assert judged("timers", units=unit(**changes)).severity is Severity.OK


WELL = PackagesSeen((), True, (), 3600)


def test_updates_that_do_not_install_themselves_fail() -> None:
    assert "do not install themselves" in failed("packages", packages=replace(WELL, unattended=False))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"held": ("docker.io",)}, "apt-mark unhold docker.io"),
        ({"security": ("curl",), "idle_seconds": 4 * 86400}, "unattended-upgrade --verbose"),
        ({"reboot": "linux-image"}, "systemctl reboot"),
    ],
)
def test_what_keeps_updates_off_is_a_warning(changes: dict[str, Any], told: str) -> None:
    found = judged("packages", packages=replace(WELL, **changes))
    assert found.severity is Severity.WARN
    assert told in found.hint


def test_nobody_who_can_log_in_fails() -> None:
    assert "there is no key" in failed("keys", keys=())
    assert "every key has expired" in failed("keys", keys=(KeySeen("a", NOW - 1),))


@pytest.mark.parametrize(("expires", "told"), [(NOW - 1, "expired: a"), (NOW + 86400, "a expires in 1 d")])
def test_a_key_that_expires_is_a_warning_while_another_is_valid(expires: float, told: str) -> None:
    found = judged("keys", keys=(KeySeen("a", expires), KeySeen("b")))
    assert found.severity is Severity.WARN
    assert told in found.seen


def test_a_changed_or_missing_file_is_a_warning() -> None:
    found = judged("managed-files", managed={SSHD: "a1"})
    assert (found.severity, found.seen) == (Severity.WARN, "/etc/docker/daemon.json is gone")


PEER = Peer("two", ("198.51.100.8",), "10.86.0.2", "k")
BOTH = (Node("1", "one", "10.86.0.1"), Node("2", "two", "10.86.0.2"))


def swarm(*nodes: Node) -> Observed:
    return replace(stack_of("web"), nodes=nodes)


def test_a_host_that_is_missing_from_the_swarm_fails() -> None:
    record = replace(RECORD, peers=(PEER,))
    assert judged("nodes", record=record, stack=swarm(*BOTH)).severity is Severity.OK
    assert "two is missing" in failed("nodes", record=record, stack=swarm(BOTH[0]))


def test_a_host_that_is_down_fails_and_one_that_is_drained_warns() -> None:
    down = replace(BOTH[1], state="down")
    assert "two is down" in failed("nodes", stack=swarm(BOTH[0], down))
    drained = replace(BOTH[1], availability="drain")
    assert judged("nodes", stack=swarm(BOTH[0], drained)).severity is Severity.WARN
