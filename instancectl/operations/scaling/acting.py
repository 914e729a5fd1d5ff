"""Carries decisions out; each can be repeated, and none waits until what it ordered works."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from instancectl.core import footprint
from instancectl.core.monitoring.sight import Replica, Sight
from instancectl.core.scaling import chosen
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.degrade import TOOTCTL
from instancectl.core.scaling.observing import victim
from instancectl.core.scaling.weights import weight
from instancectl.core.sizes import Layout
from instancectl.core.unknown import Unknown
from instancectl.errors import InstanceError, OperationFailed
from instancectl.operations.scaling.sampling import Sampler
from instancectl.ports.journal import Journal
from instancectl.ports.own_command import OwnCommand
from instancectl.ports.redis_line import RedisLine
from instancectl.ports.stack_hand import StackHand
from instancectl.ports.state import State
from instancectl.ports.workers import Workers

GRACE_SECONDS: Final = 60  # what the Sidekiq services grant; Sidekiq itself stops waiting after 25 s
HEADROOM_PERCENT: Final = 125
RETRIES: Final = 1000  # entries of the retry set that are looked at for mails
DONE: Final = "done"
LOCKED: Final = frozenset({Kind.SHED, Kind.VALVE, Kind.TUNE})
"""Done by commands that take the instance's lock themselves."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Everything to act with."""

    stack: StackHand
    workers: Workers
    redis: RedisLine
    state: State
    journal: Journal
    command: OwnCommand


class Actor:
    """Acts for one instance."""

    def __init__(self, hands: Hands, layout: Layout, sampler: Sampler) -> None:
        """`layout` has the layout's own numbers."""
        self._hands, self._layout, self._sampler = hands, layout, sampler
        self._weighed: set[str] = set()
        self._kinds: Mapping[Kind, Callable[[Decision], None]] = {
            Kind.REPLICAS: self._replicate,
            Kind.PROCESSES: self._resize_puma,
            Kind.MOVE: lambda one: self._hands.stack.replicate(one.subject, one.target),
            Kind.RECYCLE: self._recycle,
            Kind.REGISTRATIONS: self._register,
            Kind.RETRY: self._retry,
            Kind.SHED: lambda one: self._turn_away(one, "reading"),
            Kind.VALVE: lambda one: self._turn_away(one, "inbox"),
            # It changes `instance.toml`, for which this process starts anew: the command outlives it.
            Kind.TUNE: lambda _: self._hands.command.begin(
                "--yes", "scale", "tune", "--apply", "--only", "--last", "6h"
            ),
        }

    def adopt(self, layout: Layout) -> None:
        """Take the layout's numbers from here on."""
        self._layout = layout

    def act(self, one: Decision) -> str:
        """`done`, or why it is not; a decision that failed is taken again with a later sample."""
        work = self._kinds.get(one.kind)
        if work is None:
            return f"not done: `{one.kind.value}` is for a person"
        try:
            work(one)
        except InstanceError as error:
            return f"not done: {error.message}"
        self._hands.journal.write(
            "scaled", service=one.subject, before=one.before, now=one.target, why=one.reason
        )
        return DONE

    def weigh(self) -> None:
        """Give every container of this host its share of a full processor; new ones have Docker's own."""
        sight = self._sampler.sight
        if isinstance(sight, Unknown):
            return
        here = {one.container_id: one.service for one in sight.replicas if one.here and one.container_id}
        for container_id in here.keys() - self._weighed:
            try:
                self._hands.stack.allow(container_id, weight=weight(here[container_id]))
            except InstanceError:
                continue  # it just ended, or the next look tells
            self._weighed.add(container_id)
        self._weighed &= here.keys()

    def choose(self, service: str, number: int) -> None:
        """Record a number, so that a deploy plans with it; the layout's own needs no record."""
        applied = self._hands.state.load()
        scale = {name: count for name, count in applied.scale.items() if name != service}
        if number != chosen.configured(self._layout, service):
            scale[service] = number
        if scale != applied.scale:
            self._hands.state.save(replace(applied, scale=scale))

    def _replicate(self, one: Decision) -> None:
        self.choose(one.subject, one.target)
        share = self._layout.share(one.subject)
        most = -(-one.target // share.hosts) if share else 0
        self._hands.stack.replicate(one.subject, one.target, most)

    def _resize_puma(self, one: Decision) -> None:
        """In place: half a second instead of a boot. A replica that is replaced has the layout's number."""
        every = tuple(self._replicas("web"))
        replicas = [replica for replica in every if replica.here]
        elsewhere = (len(every) - len(replicas)) * self._layout.web.processes
        shares = _shared(one.target - elsewhere, len(replicas))
        for replica, share in zip(replicas, shares, strict=True):
            puma = self._hands.workers.puma(replica.container_id)
            if puma is None or puma.processes == share:
                continue
            if share > puma.processes:
                needed = footprint.web_loaded(share) * HEADROOM_PERCENT // 100
                if needed > self._layout.web.memory_bytes:
                    self._hands.stack.allow(replica.container_id, memory_bytes=needed)
            self._hands.workers.change_puma(replica.container_id, share - puma.processes)

    def _recycle(self, one: Decision) -> None:
        """TERM to one container; Swarm starts its successor in its place."""
        reading = self._sampler.reading
        if isinstance(reading, Unknown):
            raise OperationFailed(reading.reason)
        name = victim(reading, one.subject, self._sampler.owners)
        found = [one for one in self._replicas(one.subject) if name and one.container_id.startswith(name)]
        if not found:
            raise OperationFailed(f"the process of `{one.subject}` to replace is gone")
        self._hands.stack.end(found[0].container_id, GRACE_SECONDS)

    def _register(self, one: Decision) -> None:
        code, said = self._hands.command.run("tootctl", "settings", "registrations", *TOOTCTL[one.mode])
        if code:
            raise OperationFailed(f"`tootctl settings registrations` exited {code}: {said[-200:].strip()}")

    def _turn_away(self, one: Decision, what: str) -> None:
        word = "turn-away" if one.target else "let-in"
        code, said = self._hands.command.run("surge", word, what)
        if code:
            raise OperationFailed(f"`surge {word} {what}` exited {code}: {said[-200:].strip()}")

    def _retry(self, one: Decision) -> None:
        """Sidekiq polls the set for what is due: make waiting retries of the queue due now."""
        now = f"{self._redis_now():.3f}"
        (entries,) = self._hands.redis.ask([("ZRANGE", "retry", "0", str(RETRIES - 1))])
        marks = (f'"queue":"{one.subject}"'.encode(), f'"queue": "{one.subject}"'.encode())
        waiting = [
            entry.decode()
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, bytes) and any(mark in entry for mark in marks)
        ]
        if waiting:
            # XX: a job that was taken meanwhile must not come back.
            self._hands.redis.ask([("ZADD", "retry", "XX", now, entry) for entry in waiting])

    def _redis_now(self) -> float:
        reading = self._sampler.reading
        if isinstance(reading, Unknown):
            raise OperationFailed(reading.reason)
        return reading.now

    def _replicas(self, service: str) -> Iterable[Replica]:
        sight = self._sampler.sight
        return sight.of(service) if isinstance(sight, Sight) else ()


def _shared(total: int, among: int) -> list[int]:
    """Puma processes of each replica, one at least."""
    if not among:
        return []
    each = math.floor(total / among)
    return [max(1, each + (1 if number < total - each * among else 0)) for number in range(among)]
