"""One-shot jobs at a terminal, without either.

jobs = FakeInteractiveJobs()
jobs.exit_code = 3
assert jobs.attached[0].argv == ("bin/tootctl", "version")
"""

from __future__ import annotations

from instancectl.core.desired import OneShot


class FakeInteractiveJobs:
    """See `ports.swarm.InteractiveJobs`."""

    def __init__(self) -> None:
        self.exit_code = 0
        self.attached: list[OneShot] = []

    def attach(self, stack: str, job: OneShot) -> int:
        self.attached.append(job)
        return self.exit_code
