"""The autoscaler beside a deployed instance: an agent of its own, and what it decided."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.e2e.host import Instance, free_port

PUSH = "sidekiq-push"
OBJECTIVE = 15


def running(instance: Instance, service: str) -> int:
    """Tasks of a service that should run."""
    return len(instance.tasks()[service])


def busy(instance: Instance) -> int:
    """Threads of Sidekiq that work on a job."""
    names = instance.redis("SMEMBERS", "processes").split()
    return sum(int(instance.redis("HGET", name, "busy") or 0) for name in names)


@dataclass
class Agent:
    """`instancectl agent run`."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@contextlib.contextmanager
def agent(instance: Instance) -> Iterator[Agent]:
    """One that runs meanwhile."""
    listen = f"127.0.0.1:{free_port()}"
    made = Agent(instance.start("agent", "run", "--listen", listen))
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                made.process.communicate(timeout=20)
        made.process.kill()


def seen(instance: Instance, subject: str = PUSH) -> list[dict[str, Any]]:
    """Decisions about it, oldest first."""
    path = instance.directory / "state" / "scaling.sqlite3"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute("select at, content, outcome from decision order by number").fetchall()
    found = [{"at": at, "outcome": outcome, **json.loads(content)} for at, content, outcome in rows]
    return [one for one in found if one["subject"] == subject]


def configured(instance: Instance, scaling: str, **changes: object) -> None:
    """In this mode, with further settings, and as if it had never scaled before."""
    for path in (instance.directory / "state").glob("scaling.sqlite3*"):
        path.unlink()
    instance.configure(scaling__mode=scaling, scaling__objectives__push=OBJECTIVE, **changes)


def mode(instance: Instance) -> str:
    """Of registrations, as Mastodon has it."""
    value = instance.sql("select value from settings where var = 'registrations_mode'")
    return value.replace("---", "").strip().strip("'\"")
