"""The test hosts are what they claim: fresh servers that boot, reboot and reach the package mirrors."""

from __future__ import annotations

import pytest

from tests.hosts.conftest import MakeHost

pytestmark = pytest.mark.hosts


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_a_host_is_a_fresh_server(make_host: MakeHost, suite: str) -> None:
    host = make_host("fresh", suite)

    assert suite in host.ssh("cat", "/etc/os-release").out
    assert host.units("failed") == []
    assert host.script("ls -A /etc/dpkg/dpkg.cfg.d; ls /usr/sbin/policy-rc.d 2>/dev/null || true").out == ""

    host.script(
        "apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-venv >/dev/null"
    )
    host.script("python3 -m venv /tmp/venv && /tmp/venv/bin/pip download -q --no-deps -d /tmp/p idna")

    before = host.exec("cat", "/etc/machine-id").out
    host.script("touch /root/kept /run/lost")
    host.reboot()
    assert host.exec("ls", "/root/kept", "/run/lost", check=False).out.split() == ["/root/kept"]
    assert host.exec("cat", "/etc/machine-id").out == before
    assert host.ssh("true").code == 0


def test_two_hosts_have_keys_of_their_own_and_see_each_other(make_host: MakeHost) -> None:
    one, two = make_host("one", "bookworm"), make_host("two", "trixie")

    assert one.known_hosts.read_text().split()[2] != two.known_hosts.read_text().split()[2]
    connect = "import socket, sys; socket.create_connection((sys.argv[1], 22), 5)"
    for there in (two.address, two.address6):
        one.exec("python3", "-c", connect, there)
