"""Ports of this very machine, tried from a network namespace of its own, and by another host's Python."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from instancectl.adapters.host_psutil import PsutilHost
from instancectl.adapters.port_scan import NamespaceScan, RemoteScan
from instancectl.adapters.ssh import LocalShell
from instancectl.core.host.exposure import Scan
from instancectl.errors import Unreachable
from instancectl.ports.port_scan import PortScan
from tests.contract.standin_harness import built_images, docker
from tests.e2e.host import eventually, free_port
from tests.fakes.port_scan import FakeScan

ROOT = Path(__file__).resolve().parents[2]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what must be found
ADDRESS = "198.51.100.7"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace")


@contextlib.contextmanager
def listening(address: str = EVERYWHERE) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        yield server.getsockname()[1]


def one(port: int, last: int = 0) -> tuple[tuple[int, int], ...]:
    return ((port, last or port),)


@pytest.fixture(
    params=[
        "fake",
        pytest.param("namespace", marks=[pytest.mark.contract, needs_root]),
        pytest.param("other host", marks=pytest.mark.contract),
    ]
)
def place(request: pytest.FixtureRequest) -> tuple[PortScan, str]:
    """Where to look from, and an address of this host."""
    if request.param == "fake":
        return FakeScan(), ADDRESS
    own = next((text for text in PsutilHost().addresses() if ":" not in text), None)
    if own is None:
        pytest.skip("this machine has no IPv4 address")
    return (NamespaceScan() if request.param == "namespace" else RemoteScan(LocalShell())), own


def test_a_port_that_something_listens_on_answers_and_another_refuses(place: tuple[PortScan, str]) -> None:
    scan, address = place
    with listening() as port:
        if isinstance(scan, FakeScan):
            scan.open_tcp[address].add(port)
        (seen,) = scan.scan(Scan((address,), (*one(port), *one(free_port()))), 10)
    assert (seen.address, seen.tcp, seen.refused, seen.error) == (address, (port,), 1, "")
    assert seen.reached


def test_a_range_is_tried_whole(place: tuple[PortScan, str]) -> None:
    scan, address = place
    with listening() as port:
        if isinstance(scan, FakeScan):
            scan.open_tcp[address].add(port)
        (seen,) = scan.scan(Scan((address,), one(port - 3, port)), 10)
    assert port in seen.tcp
    assert len(seen.tcp) + seen.refused == 4


def test_udp_that_is_held_is_told_from_udp_that_is_not(place: tuple[PortScan, str]) -> None:
    scan, address = place
    with socket.socket(type=socket.SOCK_DGRAM) as held:
        held.bind((EVERYWHERE, 0))
        port = held.getsockname()[1]
        if isinstance(scan, FakeScan):
            scan.open_udp[address].add(port)
        (seen,) = scan.scan(Scan((address,), one(free_port()), (port,), free_port()), 10)
    assert seen.udp_judged
    assert seen.udp == (port,)


@pytest.mark.contract
@needs_root
class TestFromANamespace:
    @pytest.fixture
    def own(self) -> str:
        return next(text for text in PsutilHost().addresses() if ":" not in text)

    def test_what_listens_on_loopback_only_does_not_answer(self, own: str) -> None:
        with listening("127.0.0.1") as port:
            (seen,) = NamespaceScan().scan(Scan((own,), one(port)), 10)
        assert (seen.tcp, seen.refused) == ((), 1)

    def test_ipv6_is_looked_at_too(self) -> None:
        six = next((text for text in PsutilHost().addresses() if ":" in text), None)
        if six is None:
            pytest.skip("this machine has no IPv6 address")
        with listening("::") as port:
            (seen,) = NamespaceScan().scan(Scan((six,), one(port)), 10)
        assert seen.tcp == (port,)

    def test_a_published_port_answers_although_only_docker_s_rules_lead_there(self, own: str) -> None:
        """A connection from the host itself is carried by Docker's proxy; a stranger's is forwarded."""
        port = free_port()
        image = built_images("redis")["redis"]
        container = docker("run", "--detach", "--rm", "--publish", f"{port}:6379", image)
        try:
            eventually(
                lambda: NamespaceScan().scan(Scan((own,), one(port)), 10)[0].tcp == (port,), seconds=20
            )
        finally:
            docker("rm", "--force", "--volumes", container)

    def test_a_firewall_that_swallows_everything_is_silence_not_well(self, own: str) -> None:
        (seen,) = NamespaceScan().scan(Scan(("192.0.2.254",), one(80)), 10)
        assert not seen.reached

    def test_nothing_is_left_of_a_look(self, own: str) -> None:
        before = interfaces()
        NamespaceScan().scan(Scan((own,), one(free_port())), 10)
        eventually(lambda: interfaces() <= before, seconds=5)

    def test_a_look_is_no_address_of_the_host(self, own: str) -> None:
        before = PsutilHost().addresses()
        look = partial(NamespaceScan().scan, Scan(("192.0.2.254",), one(1)), 10)
        looking = threading.Thread(target=look)
        looking.start()
        eventually(interfaces, seconds=5, pause=0.01)
        assert PsutilHost().addresses() == before
        looking.join()

    @pytest.mark.parametrize("moment", [0.0, 0.05, 0.2, 0.5, 1.2])
    def test_nothing_is_left_of_a_look_that_is_killed(self, moment: float) -> None:
        looking = (
            "from instancectl.adapters.port_scan import NamespaceScan as N\n"
            "from instancectl.core.host.exposure import Scan\n"
            "print('now', flush=True); N().scan(Scan(('192.0.2.254',), ((1, 9000),)), 60)"
        )
        before = interfaces()
        process = subprocess.Popen([sys.executable, "-c", looking], stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        eventually(lambda: interfaces() <= before, seconds=5)

    def test_two_looks_at_once_do_not_meet(self, own: str) -> None:
        from instancectl.adapters.daemon_threads import DaemonThreads

        with listening() as port:
            look = partial(NamespaceScan().scan, Scan((own,), one(port)), 10)
            found = DaemonThreads().run({"a": look, "b": look, "c": look}, 20)
        assert [seen[0].tcp for seen in found.values()] == [(port,)] * 3


def interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex() if name.startswith("ictlook")}


@pytest.mark.contract
def test_without_the_right_to_look_nothing_is_told() -> None:
    nobody = shutil.which("setpriv")
    if nobody is None or os.geteuid() != 0:
        pytest.skip("needs root, to drop its rights")
    looking = (
        "from instancectl.adapters.port_scan import NamespaceScan as N\n"
        "from instancectl.core.host.exposure import Scan\n"
        "from instancectl.errors import Unreachable\n"
        "try: N().scan(Scan(('127.0.0.1',), ((1, 1),)), 5)\n"
        "except Unreachable as error: print(error.message)"
    )
    drop = [nobody, "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*drop, sys.executable, "-c", looking], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.stdout.startswith("cannot look from outside:"), done.stderr


@pytest.mark.contract
def test_another_host_without_python_is_an_error_that_says_so() -> None:
    class NoPython(LocalShell):
        def run(self, argv, **options):
            return super().run(("false",), **options)

    with pytest.raises(Unreachable, match="cannot look from"):
        RemoteScan(NoPython()).scan(Scan(("127.0.0.1",), one(1)), 5)
