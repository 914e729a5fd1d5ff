"""Holes made on purpose on real hosts: each is found from a network namespace and from another host."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.e2e.host import eventually
from tests.hosts.conftest import TwoHosts
from tests.hosts.instance import load_images
from tests.hosts.machine import TestHost

pytestmark = pytest.mark.hosts

REDIS = "testbed/redis:8"
FIREWALL = "instancectl-firewall.service"


def exposure(host: TestHost, *words: str) -> tuple[str, list[str]]:
    """The verdict, and what was seen."""
    done = host.exec("instancectl", "--json", "check", "--exposure", *words, check=False)
    data = json.loads(done.out)["data"]
    assert done.code == (0 if data["verdict"] == "ok" else 4), done.out
    return data["verdict"], [one["seen"] for one in data["findings"]]


@pytest.fixture
def host(two_hosts: TwoHosts) -> Iterator[TestHost]:
    """The first host, whole again afterwards."""
    host = two_hosts.bookworm
    yield host
    host.script(f"systemctl restart {FIREWALL}; docker ps -aq | xargs -r docker rm -fv >/dev/null")


@pytest.fixture
def published(host: TestHost) -> TestHost:
    """Redis, published to the world, as Docker's own documentation shows it."""
    load_images(host, [REDIS])
    host.exec("docker", "run", "--detach", "--restart=always", "--name=hole", "--publish=6379:6379", REDIS)
    eventually(lambda: answers(host, 6379, "127.0.0.1"))
    return host


def answers(host: TestHost, port: int, address: str) -> bool:
    """Whether a port answers on the host itself."""
    connect = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"
    return host.exec("python3", "-c", connect, address, str(port), check=False).code == 0


def test_a_provisioned_host_shows_only_what_it_should(two_hosts: TwoHosts) -> None:
    for host in two_hosts.both:
        verdict, (seen,) = exposure(host)
        assert verdict == "ok", seen
        assert "only 22 answer" in seen
        assert host.address in seen
        assert host.address6 in seen


def test_the_firewall_covers_what_docker_publishes(published: TestHost) -> None:
    assert exposure(published)[0] == "ok"


def test_a_published_port_without_the_firewall_is_found_with_its_container(
    two_hosts: TwoHosts, published: TestHost
) -> None:
    published.exec("systemctl", "stop", FIREWALL)

    verdict, seen = exposure(published)
    assert verdict == "fail"
    (redis,) = [text for text in seen if text.startswith("6379/tcp (Redis)")]
    assert published.address in redis
    assert "Docker leads it to a container" in redis

    with reaching(two_hosts.trixie, published) as target:
        verdict, seen = exposure(published, "--from", target)
    assert verdict == "fail"
    (redis,) = [text for text in seen if text.startswith("6379/tcp (Redis)")]
    assert f"seen from {target}" in redis

    published.exec("systemctl", "start", FIREWALL)
    assert exposure(published)[0] == "ok"


class reaching:  # noqa: N801 - reads as a verb
    """Lets one host log in to another, for a while."""

    def __init__(self, to: TestHost, source: TestHost) -> None:
        self.to, self.source = to, source

    def __enter__(self) -> str:
        self.source.write("/root/.ssh/id_ed25519", self.to.key.read_text(), "0600")
        self.source.write("/root/.ssh/known_hosts", self.to.known_hosts.read_text(), "0600")
        return f"admin@{self.to.address}"

    def __exit__(self, *_: object) -> None:
        self.source.script("rm -f /root/.ssh/id_ed25519 /root/.ssh/known_hosts")


def test_another_host_sees_what_it_should_and_nothing_else(two_hosts: TwoHosts, host: TestHost) -> None:
    with reaching(two_hosts.trixie, host) as target:
        verdict, (seen,) = exposure(host, "--from", target)
    assert verdict == "ok", seen


def test_a_listener_behind_an_opened_port_is_found_and_named(host: TestHost) -> None:
    host.exec("systemd-run", "--unit=hole", "python3", "-m", "http.server", "9100")
    try:
        eventually(lambda: answers(host, 9100, "127.0.0.1"))
        assert exposure(host)[0] == "ok"
        host.exec(
            "nft", "insert", "rule", "inet", "instancectl", "intended", "tcp", "dport", "9100", "accept"
        )
        verdict, seen = exposure(host)
    finally:
        host.exec("systemctl", "stop", "hole", check=False)
    assert verdict == "fail"
    assert "9100/tcp (node exporter)" in seen[0]
    assert "held by `python3`" in seen[0]


def test_a_hole_that_nothing_holds_is_found_when_every_port_is_tried(host: TestHost) -> None:
    host.exec("systemctl", "stop", FIREWALL)
    host.exec("nft", "-f", "-", stdin=(
        "table inet hole { chain prerouting { type nat hook prerouting priority dstnat;\n"
        "tcp dport 45678 redirect to :22\n}\n}\n"
    ))  # fmt: skip
    try:
        verdict, seen = exposure(host, "--all-ports")
    finally:
        host.exec("nft", "delete", "table", "inet", "hole")
    assert verdict == "fail"
    assert any(text.startswith("45678/tcp answers") and "nothing on this host" in text for text in seen)


def test_nothing_answers_in_the_moments_of_a_boot(published: TestHost) -> None:
    """The firewall is there before Docker publishes anything, and the container comes back by itself."""
    tried: list[int] = []
    stop = threading.Event()

    def knock() -> None:
        while not stop.is_set():
            try:
                with socket.create_connection((published.address, 6379), 0.3):
                    tried.append(1)
            except OSError:
                tried.append(0)
            time.sleep(0.02)

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        published.reboot()
        eventually(lambda: answers(published, 6379, "127.0.0.1"), seconds=90)
    finally:
        stop.set()
        knocking.join()
    assert sum(tried) == 0
    assert len(tried) > 10
    order = {unit: started(published, unit) for unit in (FIREWALL, "docker.service")}
    assert 0 < order[FIREWALL] < order["docker.service"]
    assert published.units("failed") == []
    assert exposure(published)[0] == "ok"


def started(host: TestHost, unit: str) -> int:
    shown = host.exec("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", unit).out
    return int(shown)
