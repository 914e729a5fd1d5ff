"""What keeps `host provision` from running, done to a real host, one after the other: said, then mended.

In the end the same line goes on, and the host is provisioned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.hosts.conftest import MakeHost
from tests.hosts.machine import Laptop, TestHost

pytestmark = [pytest.mark.hosts, pytest.mark.slow, pytest.mark.timeout(1500)]

UNREACHABLE, REFUSED = 6, 7


def error(laptop: Laptop, target: str) -> tuple[int, str]:
    """Exit code, and message with its hint."""
    done = laptop.cli("--json", "--host", target, "host", "provision", expect=None)
    document = json.loads(done.out)
    (first,) = document["errors"]
    return document["exit_code"], f"{first['message']}\n{first['hint']}"


@contextmanager
def broken(host: TestHost, break_: str, mend: str) -> Iterator[None]:
    """The host with something wrong, for a while."""
    host.script(break_)
    try:
        yield
    finally:
        host.script(mend)


def test_each_error_is_said_and_the_same_line_goes_on(make_host: MakeHost, laptop: Laptop) -> None:
    host = make_host("broken", "bookworm")
    laptop.knows([host])
    root = host.ssh_target

    code, said = error(laptop, f"ghost@{host.address}")
    assert (code, "refused the login as `ghost`" in said) == (UNREACHABLE, True), said

    nobody = f"{host.address.rpartition('.')[0]}.250"
    code, said = error(laptop, f"root@{nobody}")
    assert code in {UNREACHABLE, REFUSED}, said
    assert nobody in said

    login = "install -d -o plain -m 700 /home/plain/.ssh; install -o plain -m 600 /root/.ssh/authorized_keys"
    with broken(host, f"useradd -m -s /bin/sh plain; {login} /home/plain/.ssh/", "userdel -rf plain || true"):
        code, said = error(laptop, f"plain@{host.address}")
        assert (code, "may not become root" in said or "password" in said) == (REFUSED, True), said

    with broken(host, "mv /usr/bin/python3 /usr/bin/hidden", "mv /usr/bin/hidden /usr/bin/python3"):
        code, said = error(laptop, root)
        assert (code, "there is no `python3`" in said) == (REFUSED, True), said
        assert "apt-get install -y python3" in said

    half = "apt-get update -qq; cd /tmp; apt-get download -qq hello; dpkg --unpack hello_*.deb"
    with broken(host, half, "dpkg --configure -a; dpkg --purge hello"):
        code, said = error(laptop, root)
        assert (code, "packages are half installed" in said) == (REFUSED, True), said
        assert "dpkg --configure -a" in said

    small = "mount -t tmpfs -o size=1m none /var/cache/apt/archives"
    with broken(host, small, "umount /var/cache/apt/archives"):
        code, said = error(laptop, root)
        assert (code, "the disk is full" in said) in {(1, True), (8, True)}, said
    assert host.ssh("true", user="root").code == 0

    done = laptop.cli("--json", "--host", root, "host", "provision")
    assert json.loads(done.out)["status"] == "changed"
    assert host.ssh("sudo", "-n", "true", user="admin").code == 0
