"""A host with a running instance is rebooted: all comes back by itself, in order, and nothing was open."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest

from tests.e2e.host import eventually
from tests.hosts.conftest import TwoHosts
from tests.hosts.instance import DOMAIN, launch
from tests.hosts.machine import TestHost

pytestmark = pytest.mark.hosts

MUST_NOT_ANSWER = (2375, 2376, 2377, 3000, 4000, 5432, 6379, 7946, 9394)
UNITS = ("instancectl-firewall.service", "docker.service", "instancectl-exposure.service")


@pytest.fixture(scope="module")
def host(two_hosts: TwoHosts) -> Iterator[TestHost]:
    """The first host, with an instance."""
    host = two_hosts.bookworm
    launch(two_hosts.laptop, host, target=f"admin@{host.address}")
    yield host
    host.exec("instancectl", "destroy", f"--confirm={DOMAIN}", check=False)
    host.script("cd /etc/instancectl && rm -rf instance.toml secrets.env state")


def healthy(host: TestHost) -> bool:
    """Whether the site answers a stranger: by its name, over HTTPS, with its own authority."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host.address, 443), 3) as plain,
            context.wrap_socket(plain, server_hostname=DOMAIN) as secure,
        ):
            connection = http.client.HTTPSConnection(DOMAIN)
            connection.sock = secure
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
    except OSError:
        return False


class Knocking:
    """Tries ports from outside, over and over; `answered` are those that ever did."""

    def __init__(self, host: TestHost, ports: tuple[int, ...]) -> None:
        self.host, self.ports = host, ports
        self.answered: set[int] = set()
        self.rounds = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._knock)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _knock(self) -> None:
        while not self._stop.is_set():
            for port in self.ports:
                try:
                    with socket.create_connection((self.host.address, port), 0.1):
                        self.answered.add(port)
                except OSError:
                    continue
            self.rounds += 1


def make_account(host: TestHost) -> bool:
    """Whether the account was new."""
    words = ("tootctl", "accounts", "create", "kept", "--email=kept@hosts.localhost", "--confirmed")
    done = host.exec("instancectl", *words, check=False)
    assert done.code == 0 or "taken" in done.out + done.err, done
    return done.code == 0


def test_everything_comes_back_by_itself_and_nothing_was_open(host: TestHost) -> None:
    eventually(lambda: healthy(host), seconds=120)
    assert make_account(host)
    with Knocking(host, MUST_NOT_ANSWER) as knocking:
        began = time.monotonic()
        host.reboot()
        eventually(lambda: healthy(host), seconds=300, pause=1)
        print(f"answers again {time.monotonic() - began:.0f} s after the reboot began")
        # The unit waits for the services, then looks from outside.
        eventually(lambda: state(host, UNITS[2]) in {"active", "failed"}, seconds=180, pause=2)
    assert knocking.answered == set()
    assert knocking.rounds > 10
    assert state(host, UNITS[2]) == "active", host.exec("journalctl", "-u", UNITS[2], "--no-pager").out
    first, second = (started(host, unit) for unit in UNITS[:2])
    assert 0 < first < second
    assert host.units("failed") == []
    well = ("services", "postgresql", "redis", "web", "sidekiq", "edge", "exposure", "firewall", "timers")
    only = [word for slug in well for word in ("--only", slug)]
    eventually(lambda: host.exec("instancectl", "check", *only, check=False).code == 0, seconds=120, pause=2)
    assert not make_account(host)


def state(host: TestHost, unit: str) -> str:
    return host.exec("systemctl", "is-active", unit, check=False).out.strip()


def started(host: TestHost, unit: str) -> int:
    shown = host.exec("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", unit).out
    return int(shown)
