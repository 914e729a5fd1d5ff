"""How long provisioning takes, first and second time, and what of that is our own overhead.

    .venv/bin/python -m tests.benchmarks.hosts [bookworm|trixie]

Makes a fresh host in a container, provisions it twice, and runs playbooks with as many empty tasks beside it:
skipped ones, which cost Ansible alone, and pings, each of which goes to the host and back.
Ends with 1 when the second run takes more than 0.35 of the first, or changes anything.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from instancectl.adapters.ansible import AnsiblePlaybooks
from instancectl.adapters.ssh import Ssh
from instancectl.core.host.address import parse
from instancectl.ports.playbooks import PlaybookRun
from tests.hosts.machine import Laptop, Network, TestHost, create

T = TypeVar("T")
BOUND = 0.35
SKIPPED = "  - name: Task {n}\n    ansible.builtin.ping:\n    when: false\n"
PINGED = "  - name: Task {n}\n    ansible.builtin.ping:\n"


def main(suite: str) -> int:
    """Measure, print, judge."""
    with tempfile.TemporaryDirectory(prefix="bench-hosts-") as name:
        directory = Path(name)
        network = Network.create(f"bench-hosts-{os.getpid()}")
        try:
            host = create("bench", suite, network, 1, directory)
            try:
                return measure(host, directory)
            finally:
                host.remove()
        finally:
            network.remove()


def measure(host: TestHost, directory: Path) -> int:
    """The figures of one host, as a table."""
    (directory / "laptop").mkdir()
    laptop = Laptop(directory / "laptop")
    laptop.knows([host])
    first, _, _ = provision(laptop, host.ssh_target)
    second, tasks, changed = provision(laptop, f"admin@{host.address}")
    skipped, pinged = (empty(laptop, host, directory, text, tasks) for text in (SKIPPED, PINGED))
    print(f"{'first provision':<34}{first:8.1f} s")
    print(f"{'second provision':<34}{second:8.1f} s   {second / first:.2f} of the first, at most {BOUND}")
    print(f"{f'{tasks} empty tasks, skipped':<34}{skipped:8.1f} s   {second / skipped:.1f} times that")
    print(f"{f'{tasks} empty tasks, on the host':<34}{pinged:8.1f} s   {second / pinged:.2f} of that")
    print(f"{'changed by the second':<34}{changed:8}")
    return 0 if second <= BOUND * first and not changed else 1


def provision(laptop: Laptop, target: str) -> tuple[float, int, int]:
    """Seconds with everything around it, tasks in the playbook, changes."""
    done, seconds = timed(lambda: laptop.cli("--json", "--host", target, "host", "provision"))
    data = json.loads(done.out)["data"]
    tasks = len(re.findall(r"^TASK \[", Path(data["log"]).read_text(), re.MULTILINE))
    return seconds, tasks, sum(host["changed"] for host in data["hosts"])


def empty(laptop: Laptop, host: TestHost, directory: Path, task: str, count: int) -> float:
    """Seconds of a playbook that does nothing, `count` times, over the same kind of connection."""
    playbooks = directory / "empty"
    playbooks.mkdir(exist_ok=True)
    tasks = "".join(task.format(n=n) for n in range(count))
    (playbooks / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    runner = AnsiblePlaybooks(playbooks, directory / "state", lambda: "empty")
    ssh = Ssh(("ssh", "-F", str(laptop.config)), directory)
    values = {
        **ssh.for_ansible(parse(f"admin@{host.address}")),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    good, seconds = timed(lambda: runner.run(PlaybookRun({"bench": values}), lambda _event: None))
    assert good, runner.log
    return seconds


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What it returned, and how long it took."""
    started = time.monotonic()
    return work(), time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "bookworm"))
