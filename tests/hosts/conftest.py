"""Real hosts for the tests of this directory; nothing of them is left when the tests are over."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.host import Run
from tests.hosts.machine import Laptop, Network, TestHost, create

MakeHost = Callable[[str, str], TestHost]


@pytest.fixture(scope="session")
def host_network() -> Iterator[Network]:
    """Shared by all hosts of this run, and by nobody else."""
    network = Network.create(f"hosts-{secrets.token_hex(3)}")
    yield network
    network.remove()


@pytest.fixture(scope="session")
def hosts_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of this run."""
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="session")
def make_session_host(host_network: Network, hosts_directory: Path) -> Iterator[MakeHost]:
    """`make_session_host(name, suite)`: a fresh host that lives as long as the test run."""
    made: list[TestHost] = []

    def make(name: str, suite: str) -> TestHost:
        made.append(create(name, suite, host_network, len(made) + 101, hosts_directory))
        return made[-1]

    yield make
    for host in made:
        host.remove()


@pytest.fixture
def make_host(host_network: Network, hosts_directory: Path) -> Iterator[MakeHost]:
    """`make_host(name, suite)`: a fresh host (`bookworm`, `trixie`) that is gone when the test is over."""
    made: list[TestHost] = []

    def make(name: str, suite: str) -> TestHost:
        made.append(create(name, suite, host_network, len(made) + 1, hosts_directory))
        return made[-1]

    yield make
    for host in made:
        host.remove()


@pytest.fixture(scope="session")
def session_laptop(hosts_directory: Path) -> Laptop:
    """Where the admin of the session's hosts types."""
    directory = hosts_directory / "laptop"
    directory.mkdir()
    return Laptop(directory)


@dataclass(frozen=True)
class TwoHosts:
    """One host of each suite, provisioned by the real command; `told` is what it said."""

    bookworm: TestHost
    trixie: TestHost
    laptop: Laptop
    told: Run

    @property
    def both(self) -> tuple[TestHost, TestHost]:
        return self.bookworm, self.trixie


@pytest.fixture(scope="session")
def two_hosts(make_session_host: MakeHost, session_laptop: Laptop) -> TwoHosts:
    """Provisioned once for all tests, side by side; a test leaves them as it found them."""
    hosts = [make_session_host(suite, suite) for suite in ("bookworm", "trixie")]
    session_laptop.knows(hosts)
    named = [word for host in hosts for word in ("--host", host.ssh_target)]
    told = session_laptop.cli(*named, "host", "provision")
    return TwoHosts(*hosts, session_laptop, told)


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """Where the admin types; it knows no host yet."""
    directory = tmp_path / "laptop"
    directory.mkdir()
    return Laptop(directory)
