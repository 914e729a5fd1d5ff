"""What happens to a server in a year, done to a real one: `check` notices each and says what mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.hosts.conftest import TwoHosts
from tests.hosts.machine import TestHost

pytestmark = pytest.mark.hosts

SLUGS = ("exposure", "firewall", "sshd", "timers", "packages", "keys", "managed-files")
KEYS = "/home/admin/.ssh/authorized_keys"


def findings(host: TestHost, *slugs: str) -> dict[str, dict[str, str]]:
    """What `check` finds; a machine that was too busy to look in time is asked again."""
    found: dict[str, dict[str, str]] = {}
    wanted = slugs or SLUGS
    for _ in range(4):
        only = [word for slug in wanted for word in ("--only", slug)]
        done = host.exec("instancectl", "--json", "check", *only, check=False)
        found |= {one["check"]: one for one in json.loads(done.out)["data"]["findings"]}
        wanted = tuple(slug for slug in wanted if " within " in found[slug]["seen"])
        if not wanted:
            break
    return found


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def host(request: pytest.FixtureRequest, two_hosts: TwoHosts) -> Iterator[TestHost]:
    """A provisioned host with an instance that is yet to be deployed."""
    host = getattr(two_hosts, request.param)
    host.exec(
        "instancectl", "init", "--domain", "drift.localhost", "--owner", "admin",
        "--email", "admin@drift.localhost", "--mail", "catch", "--set", "tls.mode=internal",
        "--directory", "/etc/instancectl",
    )  # fmt: skip
    yield host
    host.script("cd /etc/instancectl && rm -rf instance.toml secrets.env state")


def test_a_host_that_was_just_provisioned_is_well(host: TestHost) -> None:
    found = findings(host)
    assert {slug: one["severity"] for slug, one in found.items()} == dict.fromkeys(SLUGS, "ok"), found


CHANGES = {
    "the firewall is off": (
        "firewall", "fail", "systemctl stop instancectl-firewall",
        "is off", "systemctl restart instancectl-firewall", "systemctl restart instancectl-firewall",
    ),
    "a rule was added": (
        "firewall", "fail", "nft insert rule inet instancectl intended tcp dport 6379 accept",
        "`tcp dport 6379 accept` was added", "instancectl-firewall",
        "systemctl restart instancectl-firewall",
    ),
    "everything was flushed": (
        "firewall", "fail", "nft flush ruleset",
        "is off", "instancectl-firewall", "systemctl restart instancectl-firewall docker",
    ),
    "sshd takes passwords again": (
        "sshd", "fail", "echo 'PasswordAuthentication yes' > /etc/ssh/sshd_config.d/00-me.conf",
        "`passwordauthentication yes`", "grep -r", "rm /etc/ssh/sshd_config.d/00-me.conf",
    ),
    "sshd makes an exception for root": (
        "sshd", "fail", "printf 'Match User root\\n PermitRootLogin yes\\n' >> /etc/ssh/sshd_config",
        "`permitrootlogin yes`", "grep -r", "sed -i '/^Match User root/,$d' /etc/ssh/sshd_config",
    ),
    "a timer was stopped": (
        "timers", "fail", "systemctl stop instancectl-check.timer",
        "instancectl-check.timer is stopped", "enable --now", "systemctl start instancectl-check.timer",
    ),
    "a unit was disabled": (
        "timers", "fail", "systemctl disable -q instancectl-firewall",
        "instancectl-firewall.service is disabled", "enable --now",
        "systemctl enable -q instancectl-firewall",
    ),
    "a package is on hold": (
        "packages", "warn", "apt-mark hold openssh-server",
        "openssh-server", "apt-mark unhold openssh-server", "apt-mark unhold openssh-server",
    ),
    "unattended upgrades are off": (
        "packages", "fail", "echo 'APT::Periodic::Unattended-Upgrade \"0\";' > /etc/apt/apt.conf.d/99z",
        "do not install themselves", "host provision", "rm /etc/apt/apt.conf.d/99z",
    ),
    "every key expired": (
        "keys", "fail", f"cp {KEYS} /tmp/k; sed -i 's/^ssh-/expiry-time=\"20200101\" ssh-/' {KEYS}",
        "every key has expired", "host.admin_keys", f"cp /tmp/k {KEYS}",
    ),
    "one key expires soon": (
        "keys", "warn",
        f"cp {KEYS} /tmp/k; echo expiry-time=$(date -d '+3 days' +%Y%m%d) $(cat /tmp/k) >> {KEYS}",
        "expires in 2 d", "host.admin_keys", f"cp /tmp/k {KEYS}",
    ),
    "a file was edited": (
        "managed-files", "warn", "echo '# mine' >> /etc/sysctl.d/60-instancectl.conf",
        "/etc/sysctl.d/60-instancectl.conf is changed", "host provision",
        "sed -i '$d' /etc/sysctl.d/60-instancectl.conf",
    ),
}  # fmt: skip


def batches() -> list[list[str]]:
    """The changes, as many at once as there are different checks for: a look takes its time."""
    found: list[dict[str, str]] = []
    for name, (slug, *_) in CHANGES.items():
        room = next((batch for batch in found if slug not in batch), None)
        if room is None:
            found.append({slug: name})
        else:
            room[slug] = name
    return [list(batch.values()) for batch in found]


@pytest.mark.parametrize("names", batches(), ids=" and ".join)
def test_each_is_noticed_says_what_to_type_and_can_be_mended(host: TestHost, names: list[str]) -> None:
    changes = [CHANGES[name] for name in names]
    slugs = [change[0] for change in changes]
    try:
        for change in changes:
            host.script(change[2])
        found = findings(host, *slugs)
    finally:
        for change in changes:
            host.script(change[5], check=False)
    for slug, severity, _, told, hint, _ in changes:
        assert found[slug]["severity"] == severity, found[slug]
        assert told in found[slug]["seen"]
        assert hint in found[slug]["hint"]
    mended = findings(host, *slugs)
    assert {slug: one["severity"] for slug, one in mended.items()} == dict.fromkeys(slugs, "ok"), mended


def test_somebody_without_rights_is_told_so_and_nothing_reads_as_well(host: TestHost) -> None:
    done = host.ssh("instancectl", "--json", "check", "--exposure", user="admin", check=False)
    assert json.loads(done.out)["data"].get("verdict") == "unknown", done
