"""What the host's own tools print, read."""

from __future__ import annotations

from datetime import UTC, datetime

from instancectl.core.host.drift import (
    KeySeen,
    UnitSeen,
    read_keys,
    read_packages,
    read_sshd,
    read_sums,
    read_table,
    read_units,
)

TABLE = """table inet instancectl {
\tset ssh_sources4 {
\t\ttype ipv4_addr
\t\tflags dynamic,timeout
\t\ttimeout 2m
%s\t}

\tchain input {
\t\ttcp dport { 80, 443 } accept
\t}
}
"""
COUNTED = """\
\t\telements = { 203.0.113.5 limit rate over 15/minute burst 30 packets timeout 2m expires 1m,
\t\t\t     203.0.113.6 limit rate over 15/minute }
"""


def test_sources_that_were_counted_since_are_no_difference() -> None:
    assert read_table(TABLE % COUNTED) == read_table(TABLE % "")
    assert "{ 80, 443 }" in read_table(TABLE % COUNTED)


def test_units_are_read_paragraph_by_paragraph() -> None:
    text = (
        "Type=oneshot\nId=a.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n"
        "ConditionResult=no\nConditionTimestamp=Sun 2026-11-22 10:00:00 UTC\n\n"
        "Id=b.timer\nLoadState=masked\nActiveState=inactive\nUnitFileState=masked\n"
        "ConditionResult=no\nConditionTimestamp=\n"
    )
    assert read_units(text) == (
        UnitSeen("a.service", "loaded", "inactive", "enabled", False, "oneshot"),
        UnitSeen("b.timer", "masked", "inactive", "masked", None, ""),
    )


def test_a_keyword_of_sshd_may_come_more_than_once() -> None:
    found = read_sshd("port 22\nport 2222\npermitrootlogin no\nListenAddress 0.0.0.0:22\n")
    assert found["port"] == ("22", "2222")
    assert found["listenaddress"] == ("0.0.0.0:22",)


def test_packages_are_read_from_the_tools_of_debian_and_ubuntu() -> None:
    found = read_packages(
        "== held\ndocker.io\n== periodic\n"
        'APT::Periodic "";\nAPT::Periodic::Update-Package-Lists "1";\n'
        'APT::Periodic::Unattended-Upgrade "1";\n'
        "== pending\n"
        "Inst libssl3 [3.0.15] (3.0.17 Debian-Security:12/stable-security [amd64])\n"
        "Inst tzdata [2024a] (2024b Ubuntu:22.04/jammy-updates [all])\n"
        "Inst curl [7.81] (7.82 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])\n"
        "Conf libssl3 (3.0.17 Debian-Security:12/stable-security [amd64])\n"
        "== idle\n1500\n== reboot\nrequired\nlinux-image-6.1\nlinux-image-6.1\n"
    )
    assert found.held == ("docker.io",)
    assert found.unattended
    assert found.security == ("libssl3", "curl")
    assert found.idle_seconds == 1500
    assert found.reboot == "linux-image-6.1"


def test_nothing_is_read_as_off_and_no_reboot() -> None:
    found = read_packages("== held\n== periodic\n== idle\n7\n== pending\n== reboot\n")
    assert (found.held, found.unattended, found.security) == ((), False, ())
    assert (found.idle_seconds, found.reboot) == (7, "")


def moment(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()


def test_expiry_times_are_local_unless_they_say_otherwise() -> None:
    found = read_keys(
        "+0200\n"
        "# a comment with ssh-ed25519 AAAA in it\n"
        "ssh-ed25519 AAAA never@laptop\n"
        'restrict,expiry-time="20261231" ssh-ed25519 AAAA day@laptop\n'
        'expiry-time="202612312359Z",no-pty ecdsa-sha2-nistp256 AAAA zulu@laptop\n'
        'command="echo hello world",expiry-time="20261231235901" sk-ssh-ed25519@openssh.com AAAA\n'
        "garbage\n"
    )
    assert found == (
        KeySeen("never@laptop"),
        KeySeen("day@laptop", moment(2026, 12, 30, 22)),
        KeySeen("zulu@laptop", moment(2026, 12, 31, 23, 59)),
        KeySeen("line 5", moment(2026, 12, 31, 21, 59, 1)),
    )


def test_no_file_is_no_key() -> None:
    assert read_keys("+0000\n") == ()


def test_sums_are_read_with_their_paths() -> None:
    assert read_sums("ab12  /etc/x y\ncd34  /etc/z\n") == {"/etc/x y": "ab12", "/etc/z": "cd34"}
