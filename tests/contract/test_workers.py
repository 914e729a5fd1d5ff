"""Puma and processor time of containers: the fake, and the kernel's answers about a real container.

What runs in it calls itself as Puma does, starts and ends a child for TTIN and TTOU, and never accepts.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from instancectl.adapters.container_work import ContainerWork
from instancectl.errors import Unreachable
from instancectl.ports.workers import Puma, Workers
from tests.contract.edge_harness import built_images, docker, eventually
from tests.fakes.workers import FakeWorkers

pytestmark = pytest.mark.contract

CODE = """
import os, signal, socket, time
children = []
def more(*_):
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        while True:
            time.sleep(60)
    children.append(pid)
def fewer(*_):
    pid = children.pop()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
signal.signal(signal.SIGTTIN, more)
signal.signal(signal.SIGTTOU, fewer)
more(), more()
listening = socket.create_server(("0.0.0.0", 3000), backlog=64)
while True:
    time.sleep(60)
"""
START = "import os, sys; os.execv(sys.executable, [os.environ['TITLE'], '-c', os.environ['CODE']])"
TITLE = "puma 8.0.2 (tcp://0.0.0.0:3000) [mastodon]"


@dataclass
class Bench:
    workers: Workers
    container: str
    connect: Callable[[int], None]
    work: Callable[[], None]


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "fake":
        fake = FakeWorkers()
        fake.pumas["c"] = Puma(2, 0, 0)

        def connect(number: int) -> None:
            fake.pumas["c"] = Puma(fake.pumas["c"].processes, number, number)

        yield Bench(fake, "c", connect, lambda: fake.used.update(c=1.0))
        return
    name = f"workers-{secrets.token_hex(4)}"
    image = built_images("mail")["mail"]
    environment = ("--env", f"CODE={CODE}", "--env", f"TITLE={TITLE}")
    docker(
        "run",
        "--detach",
        "--init",
        "--name",
        name,
        *environment,
        "--entrypoint",
        "python3",
        image,
        "-c",
        START,
    )
    opened: list[socket.socket] = []
    try:
        process = int(docker("inspect", "--format", "{{.State.Pid}}", name))
        address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", name)
        work = ContainerWork(lambda container: process if container == name else 0)
        eventually(lambda: (puma := work.puma(name)) is not None and puma.processes == 2)

        def connect_real(number: int) -> None:
            opened.extend(socket.create_connection((address, 3000), timeout=5) for _ in range(number))

        burn = "import time\nwhile time.process_time() < 0.5: pass"
        yield Bench(work, name, connect_real, lambda: docker("exec", name, "python3", "-c", burn) and None)
    finally:
        for one in opened:
            one.close()
        docker("rm", "--force", "--volumes", name, check=False)


def processes(bench: Bench) -> int:
    puma = bench.workers.puma(bench.container)
    assert puma is not None
    return puma.processes


def test_processes_are_added_and_taken_in_place(bench: Bench) -> None:
    assert processes(bench) == 2
    bench.workers.change_puma(bench.container, 3)
    eventually(lambda: processes(bench) == 5)
    bench.workers.change_puma(bench.container, -2)
    eventually(lambda: processes(bench) == 3)


def test_requests_that_nobody_took_are_counted(bench: Bench) -> None:
    assert bench.workers.puma(bench.container) == Puma(2, 0, 0)
    bench.connect(7)
    eventually(lambda: bench.workers.puma(bench.container) == Puma(2, 7, 7))


def test_processor_time_grows_with_work(bench: Bench) -> None:
    before = bench.workers.processor_seconds(bench.container)
    bench.work()
    after = bench.workers.processor_seconds(bench.container)
    assert before is not None
    assert after is not None
    assert after - before >= 0.4


def test_a_container_without_puma_says_so(bench: Bench) -> None:
    assert bench.workers.puma("another") is None
    with pytest.raises(Unreachable):
        bench.workers.change_puma("another", 1)


def test_the_host_has_been_busy_for_some_of_its_time(bench: Bench) -> None:
    busy, total = bench.workers.processor()
    assert 0 < busy < total
    if isinstance(bench.workers, ContainerWork):
        time.sleep(0.3)
        assert bench.workers.processor()[1] > total
