"""Waits until services serve, and says why when they do not."""

from __future__ import annotations

from collections.abc import Iterable

from instancectl.core.observed import ServiceState
from instancectl.core.service import ServiceSpec
from instancectl.errors import OperationFailed
from instancectl.ports.clock import Clock
from instancectl.ports.swarm import Swarm

POLL_SECONDS = 0.4
FAILURES_TOLERATED = 3
"""A replica that starts too early is started again; after this many the cause does not go away."""

MARGIN_SECONDS = 120
"""Beyond what the health check itself allows: pulling, scheduling, a slow disk."""


def wait(swarm: Swarm, clock: Clock, stack: str, specs: Iterable[ServiceSpec]) -> None:
    """Return once every service serves with the given spec.

    Raises:
        OperationFailed: a service was rolled back, keeps failing, or takes too long.
    """
    started = clock.monotonic_seconds()
    waiting = list(specs)
    old_failures = {spec.name: _failed(swarm.service(stack, spec.name)) for spec in waiting}
    deadline = started + max(_allowance_seconds(spec) for spec in waiting)
    while waiting:
        waiting = [spec for spec in waiting if not _serves(swarm, stack, spec, old_failures[spec.name])]
        if waiting and clock.monotonic_seconds() > deadline:
            raise _failure(swarm, stack, waiting[0], f"does not serve after {deadline - started:.0f} s")
        if waiting:
            clock.sleep(POLL_SECONDS)


def _allowance_seconds(spec: ServiceSpec) -> float:
    check = spec.health
    health = (
        check.start_period_seconds + check.retries * (check.interval_seconds + check.timeout_seconds)
        if check
        else 30
    )
    return (health + spec.stop_grace_seconds) * max(spec.replicas, 1) + MARGIN_SECONDS


def _failed(state: ServiceState | None) -> frozenset[str]:
    """Replicas of the present spec that failed, by their tasks' identifiers."""
    tasks = state.tasks if state else ()
    return frozenset(task.id for task in tasks if task.matches_spec and task.state in {"failed", "rejected"})


def _serves(swarm: Swarm, stack: str, spec: ServiceSpec, old_failures: frozenset[str]) -> bool:
    state = swarm.service(stack, spec.name)
    if state is None:
        raise OperationFailed(
            f"the service `{spec.name}` disappeared while waiting for it", subject=spec.name
        )
    if state.spec != spec:
        return _superseded(swarm, stack, spec, state)
    if state.update_state in {"paused", "rollback_paused"}:
        raise _failure(swarm, stack, spec, f"stopped being updated: {state.update_message}")
    # What failed before, such as while the host restarted, says nothing about what is being tried now.
    failures = len(_failed(state) - old_failures)
    if failures >= FAILURES_TOLERATED and not state.running and not state.update_state:
        raise _failure(swarm, stack, spec, f"failed {failures} times to start")
    return state.converged


def _superseded(swarm: Swarm, stack: str, spec: ServiceSpec, state: ServiceState) -> bool:
    """The service no longer has the spec it was given: Swarm has rolled it back, or is about to."""
    if not state.update_state.startswith("rollback"):
        raise OperationFailed(
            f"the service `{spec.name}` was changed by somebody else while waiting for it",
            hint="run `instancectl plan` to see the difference",
            subject=spec.name,
        )
    if state.update_state == "rollback_started":
        return False
    why = swarm.describe_unhealthy(stack, spec.name)
    image = state.spec.image.partition("@")[0]
    raise OperationFailed(
        f"`{spec.name}` was rolled back to {image}: its new replica never served, "
        f"the old one kept answering\n  last failure: {why}",
        hint=f"read `instancectl logs {spec.name}`, mend the cause, then run `instancectl deploy`",
        subject=spec.name,
    )


def _failure(swarm: Swarm, stack: str, spec: ServiceSpec, what: str) -> OperationFailed:
    why = swarm.describe_unhealthy(stack, spec.name)
    return OperationFailed(
        f"`{spec.name}` {what}\n  last state: {why}",
        hint=f"read `instancectl logs {spec.name}`, mend the cause, then run `instancectl deploy` again",
        subject=spec.name,
    )
