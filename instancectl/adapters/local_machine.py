"""Memory and cores of the machine this runs on."""

from __future__ import annotations

import os

from instancectl.core.sizes import Machine


def measure() -> Machine:
    """What the kernel reports, as `docker info` does; not what some container may use."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(memory, os.cpu_count() or 1)
