"""Connections from inside a container's network leave this process where it is."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from instancectl.adapters.container_network import ContainerNetwork
from instancectl.errors import Unreachable
from tests.contract.standin_harness import docker
from tests.contract.store_containers import network_of, process_of, redis

pytestmark = pytest.mark.contract


def test_many_connections_at_once_and_this_process_stays_where_it_is() -> None:
    before, found = Path("/proc/self/ns/net").readlink(), []
    with redis() as name:
        network = network_of(name)

        def work() -> None:
            with network.connect(("127.0.0.1", 6379), 5) as made:
                made.sendall(b"PING\r\n")
                found.append(made.recv(100))

        threads = [threading.Thread(target=work) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 20
        assert all(one.startswith(b"-NOAUTH") for one in found)
        # Loopback of this machine is not that of the container.
        with pytest.raises(ConnectionRefusedError):
            network.connect(("127.0.0.1", 1), 5)
    here = {(path / "ns/net").readlink() for path in Path("/proc/self/task").iterdir()}
    assert here == {before}


def test_a_container_that_ended_is_told() -> None:
    with redis() as name:
        process = process_of(name)
        docker("kill", name)
        docker("wait", name)
        with pytest.raises(Unreachable, match="the container ended while it was asked"):
            ContainerNetwork(lambda: process).connect(("127.0.0.1", 6379), 5)


def test_a_socket_outlives_the_thread_that_made_it() -> None:
    with redis() as name, network_of(name).connect(("127.0.0.1", 6379), 5) as made:
        assert isinstance(made, socket.socket)
        for thread in threading.enumerate():
            if thread.name.startswith("enter-"):
                thread.join(5)
                assert not thread.is_alive()
        made.sendall(b"PING\r\n")
        assert made.recv(100)
