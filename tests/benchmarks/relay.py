"""What a relayed command costs beside plain ssh, over a connection that is open already.

    python tests/benchmarks/relay.py [--times 15]

Needs root: it runs an sshd of its own on loopback. The program on the other side is one line of sh, so that
only the way there and back is measured. Prints medians in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from instancectl.adapters.ssh import Ssh, SshHost  # noqa: E402
from tests.contract.sshd import Sshd  # noqa: E402


def milliseconds(command: Sequence[str], environment: dict[str, str]) -> float:
    """One run, from starting the process to its end."""
    began = time.perf_counter()
    done = subprocess.run(
        command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"done\n"), done
    return (time.perf_counter() - began) * 1000


def median(times: int, command: Sequence[str], environment: dict[str, str]) -> float:
    """Of several runs, after one that is not counted."""
    milliseconds(command, environment)
    return statistics.median(milliseconds(command, environment) for _ in range(times))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=15)
    times: int = parser.parse_args().times
    cache = Path(tempfile.gettempdir()) / "instancectl-benchmark-sshd"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory(prefix="r-") as run:
        base = Path(directory)
        with Sshd(base, cache) as server:
            server.trust()
            server.program("echo done")
            measure(server, run, times)


def measure(server: Sshd, run: str, times: int) -> None:
    """Over one connection: plain ssh, ssh with sudo, a relayed command; and the start of Python alone."""
    environment = {**os.environ, "INSTANCECTL_SSH": shlex.join(server.ssh), "XDG_RUNTIME_DIR": run}
    environment |= {"PYTHONPATH": str(ROOT)}
    address = server.address("admin")
    ssh = Ssh.of(environment, interactive=False)
    host = SshHost(address, ssh)
    began = time.perf_counter()
    host.open()
    opening = (time.perf_counter() - began) * 1000
    program = "/usr/local/bin/instancectl"
    commands = {
        "plain ssh": ssh.command(address, [program]),
        "plain ssh, with sudo": ssh.command(address, ["sudo", "-n", program]),
        "relayed": [sys.executable, "-m", "instancectl", "--host", str(address), "--version"],
        "relayed, --quiet": [sys.executable, "-m", "instancectl", "--host", str(address), "--version", "-q"],
    }
    start = "import instancectl.cli.main; print('done')"
    commands["start of instancectl alone"] = [sys.executable, "-c", start]
    found = {name: median(times, command, environment) for name, command in commands.items()}
    host.close()
    print(f"{'opening the connection':28} {opening:7.0f} ms")
    for name, value in found.items():
        print(f"{name:28} {value:7.0f} ms")
    beside = found["relayed"] - found["start of instancectl alone"] - found["plain ssh, with sudo"]
    print(f"{'relaying itself':28} {beside:7.0f} ms (relayed, less the start of Python and ssh with sudo)")


if __name__ == "__main__":
    main()
