"""Removes an instance: everything of its stack and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from instancectl.core.applied import Applied
from instancectl.core.host.placement import labels
from instancectl.core.observed import Observed
from instancectl.core.result import Result, Status
from instancectl.errors import OperationFailed
from instancectl.ports.clock import Clock
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.reporter import Reporter
from instancectl.ports.state import State
from instancectl.ports.swarm import Swarm

GONE_SECONDS = 180
"""PostgreSQL may take its stop grace of 120 s before its volume is free."""

POLL_SECONDS = 0.5
RETRIES = 20
"""Docker frees networks and volumes a moment after their last container is gone."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a removal touches.

    Attributes:
        forget: that this host handed the instance over; nothing of it is left to fence then.
    """

    swarm: Swarm
    state: State
    journal: Journal
    lock: Lock
    reporter: Reporter
    clock: Clock
    forget: Callable[[], None] = lambda: None


def show(stack: str, domain: str, around: Surroundings, *, keep_data: bool) -> Result:
    """What would be removed."""
    found = list(_parts(around.swarm.observe(stack), keep_data=keep_data))
    lines = [f"{domain}: would remove {len(found)} objects", *(f"  {kind} {name}" for kind, name in found)]
    return Result(
        Status.PLANNED, {"remove": [{"kind": kind, "name": name} for kind, name in found]}, tuple(lines)
    )


def destroy(stack: str, domain: str, around: Surroundings, *, keep_data: bool) -> Result:
    """Remove it; `instance.toml` and the secrets stay, so that a backup can still be opened.

    Args:
        stack: of the instance.
        domain: for messages.
        around: what is touched.
        keep_data: leave the volumes and the record of what was set up in them.
    """
    with around.lock.hold("destroy"):
        found = list(_parts(around.swarm.observe(stack), keep_data=keep_data))
        applied = around.state.load()
        if not found and applied == Applied():
            return Result(Status.UNCHANGED, {"removed": []}, (f"nothing of {domain} is here",))
        around.journal.write("destroy-started", objects=len(found), keep_data=keep_data)
        for kind, name in found:
            _remove(around, stack, kind, name)
            around.reporter.step_done(f"removed the {kind} {name}", "", 0)
        left = _tidy(around, stack, applied, keep_data=keep_data)
        around.journal.write("destroy-done", objects=len(found))
    removed = [{"kind": kind, "name": name} for kind, name in found]
    lines = [f"{domain} is removed" + (", its data stays" if keep_data else " with all its data")]
    lines += ["this host is no longer a Swarm (deploy had made it one)"] if left else []
    return Result(Status.CHANGED, {"removed": removed, "left_swarm": left}, tuple(lines))


def _parts(observed: Observed, *, keep_data: bool) -> Iterator[tuple[str, str]]:
    """In the order of removal: what uses comes before what is used."""
    yield from (("job", name) for name in sorted(observed.jobs))
    yield from (("service", name) for name in sorted(observed.services))
    yield from (("network", name) for name in sorted(observed.networks))
    yield from (("config", name) for name in sorted(observed.configs))
    yield from (("secret", name) for name in sorted(observed.secrets))
    if not keep_data:
        yield from (("volume", name) for name in sorted(observed.volumes))


def _remove(around: Surroundings, stack: str, kind: str, name: str) -> None:
    if kind == "network":
        _wait_for_containers(around, stack)
    for attempt in range(RETRIES):
        try:
            around.swarm.remove(stack, kind, name)
        except OperationFailed:
            if attempt == RETRIES - 1:
                raise
            around.clock.sleep(POLL_SECONDS)
        else:
            return


def _wait_for_containers(around: Surroundings, stack: str) -> None:
    deadline = around.clock.monotonic_seconds() + GONE_SECONDS
    while around.swarm.containers(stack) and around.clock.monotonic_seconds() < deadline:
        around.clock.sleep(POLL_SECONDS)


def _tidy(around: Surroundings, stack: str, applied: Applied, *, keep_data: bool) -> bool:
    """Forget what was applied; leave the Swarm that deploy created once nobody else uses it."""
    if keep_data:
        around.state.save(replace(applied, verified=""))
        return False
    for node in around.swarm.observe(stack).nodes:
        for label in set(labels(stack)) & set(node.labels):
            around.swarm.unlabel_node(node.id, label)
    left = applied.created_swarm and around.swarm.leave_if_idle()
    around.forget()
    around.state.save(Applied())
    return left
