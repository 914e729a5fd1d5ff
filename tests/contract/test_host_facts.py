"""This very host, looked at through psutil and the kernel."""

from __future__ import annotations

import os
import shutil
import socket
import time
from ipaddress import ip_address
from pathlib import Path

import pytest

from instancectl.adapters.host_psutil import PsutilHost
from instancectl.adapters.time_source import KernelClock
from instancectl.core.checks.seen import Disk, Listener
from instancectl.ports.host_facts import HostFacts
from tests.contract.standin_harness import built_images, docker
from tests.fakes.host import FakeHost


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def host(request: pytest.FixtureRequest) -> HostFacts:
    return FakeHost() if request.param == "fake" else PsutilHost()


def test_memory_is_more_than_what_is_available(host: HostFacts) -> None:
    memory = host.memory()
    assert 0 < memory.available_bytes <= memory.total_bytes
    assert memory.swap_bytes >= 0


def test_there_is_at_least_one_core(host: HostFacts) -> None:
    assert host.cores() >= 1


def test_a_disk_has_no_more_free_than_in_all(host: HostFacts) -> None:
    disk = host.disk("/var/lib/docker")
    assert disk.path == "/var/lib/docker"
    assert 0 <= disk.free_bytes <= disk.total_bytes


def test_addresses_are_such_that_others_can_use_ipv4_first(host: HostFacts) -> None:
    found = [ip_address(text) for text in host.addresses()]
    assert not [one for one in found if one.is_loopback or one.is_link_local]
    versions = [one.version for one in found]
    assert versions == sorted(versions)


def test_ports_nobody_holds_have_no_holder(host: HostFacts) -> None:
    assert host.listeners((1,)) == ()


@pytest.mark.contract
class TestThisHost:
    def test_a_listening_port_is_held_by_its_process(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            (found,) = PsutilHost().listeners((port,))
        assert found == Listener(port, "tcp", "127.0.0.1", found.process, os.getpid())
        assert found.process

    def test_a_udp_port_is_held_without_listening(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            port = server.getsockname()[1]
            (found,) = PsutilHost().listeners((port,))
        assert found.protocol == "udp"

    def test_a_connection_out_of_a_port_is_no_listener(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            port = client.getsockname()[1]
            assert PsutilHost().listeners((port,)) == ()
            client.close()

    def test_a_directory_that_is_yet_to_come_is_judged_by_its_parent(self, tmp_path: Path) -> None:
        wanted = tmp_path / "not" / "yet" / "there"
        total = shutil.disk_usage(tmp_path).total
        found = PsutilHost().disk(str(wanted))
        assert found == Disk(str(wanted), total, found.free_bytes)

    def test_a_port_of_a_container_is_held_by_docker_s_proxy_which_names_it(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        image = built_images("redis")["redis"]
        container = docker("run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:6379", image)
        try:
            (found,) = PsutilHost().listeners((port,))
            address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", container)
        finally:
            docker("rm", "--force", "--volumes", container)
        assert (found.process, found.detail) == ("docker-proxy", f"for the container at {address}")

    def test_bridges_of_docker_are_no_addresses_of_this_host(self) -> None:
        assert not [text for text in PsutilHost().addresses() if text.startswith("172.17.")]

    def test_the_kernel_says_whether_the_clock_is_kept(self) -> None:
        assert KernelClock().synchronised() in {True, False, None}
        assert abs(KernelClock().epoch_seconds() - time.time()) < 1
