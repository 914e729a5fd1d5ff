"""One-shot jobs with the person's terminal.

Raw terminals, window sizes and signals are the docker CLI's trade; it starts the prepared container.
"""

from __future__ import annotations

import subprocess
import sys

from instancectl.adapters.docker_engine.engine import DockerSwarm
from instancectl.core.desired import OneShot
from instancectl.errors import Unreachable


class InteractiveContainers:
    """See `ports.swarm.InteractiveJobs`."""

    def __init__(self, swarm: DockerSwarm) -> None:
        """Containers are created through `swarm`, which hands the secrets over."""
        self._swarm = swarm

    def attach(self, stack: str, job: OneShot) -> int:
        """Run with stdin, stdout, stderr and, if there is one, the terminal; returns the exit code."""
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        identifier = self._swarm.prepare_job(stack, job, terminal=terminal)
        try:
            return subprocess.call(["docker", "start", "--attach", "--interactive", identifier])
        except FileNotFoundError as error:
            raise Unreachable(
                "cannot attach the terminal: there is no `docker` command on this host",
                hint="install the docker CLI (`apt-get install docker.io`, or `docker-ce-cli`)",
                subject="docker",
            ) from error
