"""What the tests need around them, and that all of it is gone again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import machine
from machine import ROOT
from tally import Tally, minutes, say, tail

LOGS = ROOT / ".check"


def log(name: str) -> Path:
    """The log file of a tier or step."""
    return LOGS / f"{name}.log"


@contextlib.contextmanager
def engine_and_swarm(tally: Tally) -> Iterator[None]:
    """Docker Engine and a Swarm; both as they were before, afterwards."""
    started = time.monotonic()
    engine, _ = machine.provide_engine(log("dockerd"))
    if engine.ours:
        say(f"{'engine':<11} ready  {minutes(time.monotonic() - started):>8}")
    try:
        before = machine.objects()
        created = machine.create_swarm()
        try:
            yield
        finally:
            judge_objects(before, tally, remove=engine.ours, swarm_created=created)
            if created:
                machine.leave_swarm()
    finally:
        machine.stop_engine(engine)


def judge_objects(
    before: dict[tuple[str, str], str], tally: Tally, *, remove: bool, swarm_created: bool
) -> None:
    """Fail for every container, network, volume … that is there now and was not before.

    Removal of a stack is asynchronous, so stragglers get half a minute.
    Leftovers are removed only on an engine of our own: on a shared one they may be a neighbour's.
    """
    own = {"ingress", "docker_gwbridge"} if swarm_created else set()

    def left() -> dict[tuple[str, str], str]:
        return {key: name for key, name in machine.objects().items() if key not in before and name not in own}

    machine.wait_until(lambda: not left(), seconds=30, interval=1)
    leftovers = left()
    for (kind, identity), name in sorted(leftovers.items()):
        say(f"left behind: {kind} {name} ({identity[:12]})")
        if remove:
            force = () if kind in {"network", "service", "secret", "config"} else ("--force",)
            machine.answer("docker", kind, "rm", *force, identity)
    tally.count(passed=not leftovers, failed=len(leftovers))
    if leftovers:
        tally.failures.append("left behind")


@contextlib.contextmanager
def nothing_left_behind(tally: Tally, *, engine: bool) -> Iterator[None]:
    """Fail for every process that is still there at the end, and end it."""
    try:
        yield
    finally:
        machine.wait_until(lambda: not machine.descendants(), seconds=5)
        for pid, line in machine.descendants().items():
            say(f"left behind: process {pid} {line[:120]}")
            tally.count(failed=1)
            tally.failures.append("left behind")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if engine:
            tally.count(passed=1)


class Images:
    """The testbed's images, being built while the quick tiers run."""

    def __init__(self) -> None:
        """Start building."""
        self._started = time.monotonic()
        self._output = log("images").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "tests/testbed/build.py"],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def join(self, tally: Tally) -> None:
        """Wait for the images; without them the tiers that follow would only repeat that they are missing."""
        code = self.process.wait(timeout=1800)
        say(f"{'images':<11} {'FAILED' if code else 'ok':<6} {minutes(time.monotonic() - self._started):>12}")
        tally.count(passed=code == 0, failed=code != 0)
        if code:
            tally.failures.append("images")
            for line in tail(log("images")):
                say(f"    {line}")

    def close(self) -> None:
        """End the build if it still runs."""
        end_group(self.process)
        self._output.close()


@contextlib.contextmanager
def images_in_background() -> Iterator[Images]:
    """Images that are surely not being built any more afterwards."""
    images = Images()
    try:
        yield images
    finally:
        images.close()


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process group, give it a minute for its own cleaning up, then kill it."""
    if process.poll() is not None:
        return
    for number, seconds in ((signal.SIGINT, 60), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
