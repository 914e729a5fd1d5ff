"""How the contract of a Swarm waits, scripts and cleans up: by the fake's clock or for real."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from instancectl.adapters.docker_engine import DockerSwarm, jobs
from instancectl.core.desired import OneShot
from instancectl.core.observed import ServiceState
from instancectl.errors import OperationFailed
from tests.fakes.clock import FakeClock
from tests.fakes.fuse import Killed
from tests.fakes.swarm import FakeSwarm

PATIENCE_SECONDS = 60
POLL_SECONDS = 0.1


class FakeHarness:
    """Time passes when somebody waits; jobs and logs say what they were told to."""

    def __init__(self) -> None:
        self.stack = "contract"
        self.clock = FakeClock()
        self.swarm = FakeSwarm(self.clock)
        self.swarm.images["testbed/base:forky"] = ""

    @property
    def times_started(self) -> int:
        return len(self.swarm.ran)

    def wait_until(self, wanted: Callable[[], object]) -> None:
        for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
            if wanted():
                return
            self.clock.sleep(POLL_SECONDS)
        raise AssertionError("not within a minute")

    def retry(self, action: Callable[[], None]) -> None:
        action()

    def live(self, stack: str, service: str) -> set[str]:
        return _live(self.swarm.service(stack, service))

    def expect_job(self, name: str, code: int, output: str) -> None:
        self.swarm.outcomes.setdefault(name, []).append((code, output))

    def answers_within(self, seconds: float) -> None:
        """The fake answers at once."""

    def expect_log(self, service: str, lines: list[str]) -> None:
        self.swarm.log_lines[service] = lines

    def leave_behind(self, job: OneShot, *, ended: bool) -> None:
        """As if the run that started it had been killed."""
        self.swarm.fuse.blow_after(1)
        with pytest.raises(Killed):
            self.swarm.run_once(self.stack, job)
        self.swarm.fuse.mend()

    def clean(self) -> None:
        """Nothing is left in memory that matters."""


class RealHarness:
    """The Engine of this machine, under a stack name that nobody else uses."""

    def __init__(self, stack: str) -> None:
        self.stack = stack
        self.swarm = DockerSwarm()
        self._since = time.time()
        if self.swarm.engine().swarm != "active":
            self.swarm.create_swarm("127.0.0.1")

    @property
    def times_started(self) -> int:
        """How many containers of jobs were started so far."""
        wanted = {"label": f"instancectl.stack={self.stack}", "event": "start"}
        until = int(time.time()) + 1
        return sum(1 for _ in self.swarm.api.events(since=int(self._since), until=until, filters=wanted))

    def wait_until(self, wanted: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not wanted():
            assert time.monotonic() < deadline, "not within a minute"
            time.sleep(POLL_SECONDS)

    def retry(self, action: Callable[[], None]) -> None:
        """Docker frees networks and volumes a moment after their last container is gone."""
        for _ in range(50):
            try:
                return action()
            except OperationFailed:
                time.sleep(0.2)
        return action()

    def live(self, stack: str, service: str) -> set[str]:
        return _live(self.swarm.service(stack, service))

    def expect_job(self, name: str, code: int, output: str) -> None:
        """A real job does what its arguments say."""

    def answers_within(self, seconds: float) -> None:
        """Give up on an answer of the Engine earlier than usual."""
        self.swarm.api.timeout = seconds

    def expect_log(self, service: str, lines: list[str]) -> None:
        """A real service says what its command says."""

    def leave_behind(self, job: OneShot, *, ended: bool) -> None:
        """As if the run that started it had been killed."""
        identifier = jobs.create(self.swarm.api, self.stack, job)
        self.swarm.api.start(identifier)
        if ended:
            self.swarm.api.wait(identifier)

    def clean(self) -> None:
        """Remove everything of the stack, services first."""
        observed = self.swarm.observe(self.stack)
        for name in observed.jobs:
            self.swarm.remove(self.stack, "job", name)
        for name in observed.services:
            self.swarm.remove(self.stack, "service", name)
        self.wait_until(lambda: self.swarm.containers(self.stack) == 0)
        observed = self.swarm.observe(self.stack)  # a service that had just begun made its volumes meanwhile
        for kind, names in (
            ("network", observed.networks),
            ("secret", observed.secrets),
            ("config", observed.configs),
            ("volume", observed.volumes),
        ):
            for name in names:
                self.retry(lambda kind=kind, name=name: self.swarm.remove(self.stack, kind, name))


def _live(state: ServiceState | None) -> set[str]:
    assert state is not None
    return {task.id for task in state.tasks if task.wanted == "running" and task.state == "running"}
