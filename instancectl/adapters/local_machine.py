"""The machine this runs on: its memory and cores, and whether it is a host already."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from instancectl.core.sizes import Machine


def measure() -> Machine:
    """What the kernel reports, as `docker info` does; not what some container may use."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(memory, os.cpu_count() or 1)


_RECORD = Path("/etc/instancectl/host.json")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether an instance can be launched here.

    Attributes:
        provisioned: a provisioning ran to its end; nobody but root can see it.
        engine: a Docker Engine is installed, or another one is reached by the docker CLI.
        root: this is root.
    """

    provisioned: bool
    engine: bool
    root: bool

    @property
    def bare(self) -> bool:
        """Nobody prepared this machine yet."""
        return not self.provisioned and not self.engine


def readiness() -> Readiness:
    """What is here; asks nobody."""
    try:
        provisioned = _RECORD.is_file()
    except PermissionError:
        provisioned = True  # its directory is there, and closed to us: that is how provisioning leaves it
    engine = bool(shutil.which("dockerd") or os.environ.get("DOCKER_HOST"))
    engine = engine or Path("/var/run/docker.sock").exists()
    return Readiness(provisioned, engine, os.geteuid() == 0)
