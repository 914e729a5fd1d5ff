"""One service of the fake Swarm: slots, tasks, rolling updates and rollbacks, driven by a clock.

What a replica does follows from its spec, as on a real host:

    command ("false", …)            exits 1
    health check ("CMD", "false")   runs, never gets healthy, and is killed for it
    image in `broken_images`        as if its health check were that
    anything else                   serves `BOOT_SECONDS` after it was started
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from instancectl.core.observed import ServiceState, Task
from instancectl.core.service import ServiceSpec, UpdatePolicy
from tests.fakes.swarm_nodes import FakeNodes

BOOT_SECONDS = 2.0
LAG_SECONDS = 0.05
"""Between an accepted update and the orchestrator's first reaction: meanwhile everything looks as before."""

_numbers = itertools.count(1)


@dataclass
class FakeTask:
    """A replica that was started at some time under some template."""

    template: ServiceSpec
    number: int
    started: float
    broken: bool
    id: str = field(default_factory=lambda: f"task{next(_numbers)}")
    state: str = "starting"
    node_id: str = ""
    wanted: str = "running"
    error: str = ""
    exit_code: int | None = None

    @property
    def fate(self) -> float:
        """When it serves or fails, in the clock's seconds."""
        check = self.template.health
        if not self.broken or _exits(self.template) or check is None:
            return self.started + BOOT_SECONDS
        return self.started + check.start_period_seconds + check.retries * check.interval_seconds

    def look(self, now: float) -> None:
        """Become what it is by now."""
        if self.state != "starting" or now < self.fate:
            return
        if not self.broken:
            self.state = "running"
            return
        self.state, self.wanted = "failed", "shutdown"
        exits = _exits(self.template)
        self.exit_code = 1 if exits else 137
        self.error = "task: non-zero exit (1)" if exits else "task: unhealthy container"

    def place(self, node_id: str, now: float) -> None:
        """Start on a host; without one, wait."""
        self.node_id = node_id
        self.state = "starting" if node_id else "pending"
        self.started = now if node_id else self.started
        self.error = "" if node_id else "no suitable node"

    def leave(self) -> None:
        """Give way to a replica elsewhere; nobody can say whether one on a dead host still runs."""
        self.wanted = "shutdown"
        if self.state in {"starting", "pending"}:
            self.state = "shutdown"

    def stop(self) -> None:
        """Stop for good."""
        self.state = self.wanted = "shutdown"


@dataclass
class Slot:
    """One place for a replica; `before` serves on while its successor starts (start-first)."""

    task: FakeTask
    before: FakeTask | None = None


class FakeService:
    """Replaces replicas one by one when its spec changes; goes back when the new ones fail."""

    def __init__(
        self, spec: ServiceSpec, now: float, broken_images: Collection[str], nodes: FakeNodes
    ) -> None:
        self.id = f"service{next(_numbers)}"
        self.spec = spec
        self.version = 1
        self.update_state = ""
        self.tasks: list[FakeTask] = []
        self._slots: list[Slot] = []
        self._previous: ServiceSpec | None = None
        self._broken_images = broken_images
        self._nodes = nodes
        self._react_at = now
        self._scale(now)

    def update(self, spec: ServiceSpec, now: float) -> None:
        """Accept a new spec; the orchestrator reacts a moment later."""
        self._previous, self.spec = self.spec, spec
        self.version += 1
        self.update_state = ""
        self._react_at = now + LAG_SECONDS

    def stop(self) -> None:
        """Stop every replica."""
        for task in self.tasks:
            task.stop()

    def look(self, now: float) -> ServiceState:
        """The service as it is by now."""
        for task in self.tasks:
            task.look(now)
        self._move(now)
        if now >= self._react_at:
            self._scale(now)
            self._finish_slots()
            self._restart_failed(now)
            self._go_on_updating(now)
        template = template_of(self.spec)
        return ServiceState(
            id=self.id,
            spec=self.spec,
            update_state=self.update_state,
            update_message=f"update {self.update_state}" if self.update_state else "",
            tasks=tuple(_shown(task, template) for task in reversed(self.tasks)),
            version=self.version,
        )

    @property
    def _updating(self) -> bool:
        return self.update_state in {"updating", "rollback_started"}

    def _scale(self, now: float) -> None:
        while len(self._slots) > self.spec.replicas:
            slot = self._slots.pop(self._crowded())
            slot.task.stop()
            if slot.before:
                slot.before.stop()
        while len(self._slots) < self.spec.replicas:
            taken = {slot.task.number for slot in self._slots}
            number = next(each for each in itertools.count(1) if each not in taken)
            self._slots.append(Slot(self._start(number, now)))

    def _crowded(self) -> int:
        """The slot that leaves first: one that does not serve, then one of the host with the most of them."""
        nodes = [slot.task.node_id for slot in self._slots]
        ranked = [
            (slot.task.state != "running", nodes[: at + 1].count(slot.task.node_id), at)
            for at, slot in enumerate(self._slots)
        ]
        return max(ranked)[2]

    def _finish_slots(self) -> None:
        for slot in self._slots:
            if slot.before and slot.task.state == "running":
                slot.before.stop()
                slot.before = None

    def _move(self, now: float) -> None:
        """Replicas leave hosts that may not have them, and go where there is a place."""
        for slot in self._slots:
            if slot.task.node_id and not self._nodes.allow(self.spec, slot.task.node_id):
                if self._nodes.answers(slot.task.node_id):
                    slot.task.stop()
                else:
                    slot.task.leave()
                slot.task = self._start(slot.task.number, now)
            elif slot.task.state == "pending":
                slot.task.place(self._nodes.choose(self.spec, self._living()), now)

    def _living(self) -> list[str]:
        """Hosts of the replicas that should run."""
        return [task.node_id for task in self.tasks if task.wanted == "running" and task.node_id]

    def _restart_failed(self, now: float) -> None:
        template = template_of(self.spec)
        for slot in self._slots:
            if slot.task.state != "failed":
                continue
            if self._updating and slot.task.template == template:
                self._give_up()
                return
            if now >= slot.task.fate + self.spec.restart_delay_seconds:
                slot.task = self._start(slot.task.number, now)

    def _go_on_updating(self, now: float) -> None:
        template = template_of(self.spec)
        dirty = [slot for slot in self._slots if slot.task.template != template]
        if not dirty:
            started = [slot for slot in self._slots if slot.task.state == "starting"]
            if self._updating and not started:
                self.update_state = "completed" if self.update_state == "updating" else "rollback_completed"
            return
        if self.update_state in {"paused", "rollback_paused"}:
            return
        if not self.update_state.startswith("rollback"):
            self.update_state = "updating"
        if not any(slot.task.template == template and slot.task.state == "starting" for slot in self._slots):
            self._replace(dirty[0], now)

    def _replace(self, slot: Slot, now: float) -> None:
        if self.spec.update.order == "start-first" and slot.task.state == "running":
            slot.before = slot.task
        else:
            slot.task.stop()
        slot.task = self._start(slot.task.number, now)

    def _give_up(self) -> None:
        if self.update_state == "rollback_started":
            self.update_state = "rollback_paused"
        elif self.spec.update.failure_action == "rollback" and self._previous:
            self.spec, self._previous = self._previous, None
            self.version += 1
            self.update_state = "rollback_started"
            for slot in self._slots:
                if slot.before:
                    slot.task, slot.before = slot.before, None
        else:
            self.update_state = "paused"

    def _start(self, number: int, now: float) -> FakeTask:
        template = template_of(self.spec)
        broken = template.image in self._broken_images or _exits(template) or _never_healthy(template)
        task = FakeTask(template, number, now, broken)
        task.place(self._nodes.choose(self.spec, self._living()), now)
        self.tasks.append(task)
        return task


def template_of(spec: ServiceSpec) -> ServiceSpec:
    """What decides whether a replica must be replaced: not count, labels, update policy, nor placement."""
    return replace(
        spec, replicas=1, labels=(), update=UpdatePolicy(), constraints=(), max_replicas_per_node=0
    )


def _exits(template: ServiceSpec) -> bool:
    return template.command[:1] == ("false",)


def _never_healthy(template: ServiceSpec) -> bool:
    return template.health is not None and template.health.test == ("CMD", "false")


def _shown(task: FakeTask, template: ServiceSpec) -> Task:
    return Task(
        id=task.id,
        slot=task.number,
        state=task.state,
        wanted=task.wanted,
        image=task.template.image,
        container_id=f"container-{task.id}" if task.node_id else "",
        node_id=task.node_id,
        message="started" if task.state == "running" else task.state,
        error=task.error,
        exit_code=task.exit_code,
        created_at=f"{task.started:020.3f}",
        matches_spec=task.template == template,
    )
