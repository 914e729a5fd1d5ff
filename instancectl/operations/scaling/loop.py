"""The live loop: a sample every ten seconds through the policy; what it decides is written down, then done.

Only one loop works at a time. It keeps no state that a clean end would have to save: each sample is one
transaction with what follows from it, and whatever a kill cut off is decided again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

from instancectl.core.applied import Applied
from instancectl.core.monitoring import catalogue_scaling as metrics
from instancectl.core.monitoring.metric import Counter
from instancectl.core.monitoring.metric import Sample as Reading
from instancectl.core.observed import Node
from instancectl.core.scaling import keeping, recorded
from instancectl.core.scaling.decision import Decision, Kind
from instancectl.core.scaling.observing import Mails
from instancectl.core.scaling.policy import decide
from instancectl.core.scaling.sample import Sample
from instancectl.core.scaling.settings import PROFILES, TICK_SECONDS, Policy
from instancectl.core.scaling.state import State
from instancectl.core.unknown import Unknown
from instancectl.errors import Busy, InstanceError
from instancectl.operations.scaling import gauges
from instancectl.operations.scaling.acting import DONE, LOCKED, Actor
from instancectl.operations.scaling.advice import Advice
from instancectl.operations.scaling.sampling import Sampler
from instancectl.ports.clock import Clock
from instancectl.ports.lock import Lock
from instancectl.ports.scaling_record import ScalingRecord
from instancectl.ports.state import State as StateDirectory

GLANCE_SECONDS: Final = 1.0
WHY: Final = "scaling"
PATIENCE: Final = 5  # times that somebody else may be in the midst of a sample


@dataclass(frozen=True, slots=True)
class Around:
    """What the loop needs.

    Attributes:
        alone: held while the loop runs: two controllers never work at once.
        changing: the instance's lock, held while something is changed.
        tell: what to do with a sentence for a person.
        plan: the policy on these hosts of a Swarm.
        end_surge, end_holds: end what somebody declared for a time that is over; exit code and output.
    """

    sampler: Sampler
    actor: Actor
    record: ScalingRecord
    state: StateDirectory
    alone: Lock
    changing: Lock
    clock: Clock
    tell: Callable[[str], None]
    plan: Callable[[tuple[Node, ...]], Policy]
    end_surge: Callable[[], tuple[int, str]]
    end_holds: Callable[[], tuple[int, str]]


class Loop:
    """One controller."""

    def __init__(self, policy: Policy, around: Around) -> None:
        """Nothing is read before the first tick."""
        self._policy, self._around = policy, around
        self.state, self.mails = State(), Mails({})
        self._nodes: tuple[Node, ...] = ()
        self._decided = Counter(metrics.DECISIONS)
        self._advice = Advice(around.record)
        self.last: tuple[Sample, Policy] | None = None
        self.troubled = ""

    @property
    def acts(self) -> bool:
        """Whether it changes anything by itself."""
        return self._policy.mode == "auto"

    def run(self, wait: Callable[[float], bool], *, alone: bool = True) -> None:
        """Until `wait` (seconds) says that it is over.

        Args:
            wait: sleeps so long; whether it is over.
            alone: keep every other controller out for as long as it runs; else only during each sample, so
                that somebody may take over.

        Raises:
            Busy: another controller works.
        """
        if not alone:
            self._rounds(wait, self._between)
            return
        with self._let_in(wait):
            self.load()
            self._rounds(wait, self._tried)

    def _let_in(self, wait: Callable[[float], bool]) -> ExitStack:
        """A sample of another one takes a moment; only who works for good is in the way."""
        stack = ExitStack()
        for left in reversed(range(PATIENCE)):
            try:
                stack.enter_context(self._around.alone.hold(WHY))
            except Busy:
                if not left:
                    raise
                wait(GLANCE_SECONDS)
            else:
                break
        return stack

    def _rounds(self, wait: Callable[[float], bool], work: Callable[[], None]) -> None:
        while True:
            started = self._around.clock.monotonic_seconds()
            work()
            while (left := started + TICK_SECONDS - self._around.clock.monotonic_seconds()) > 0:
                if wait(min(left, GLANCE_SECONDS)):
                    return
                self._around.sampler.glance()
            if wait(0.0):
                return

    def _between(self) -> None:
        """A sample of our own, unless somebody else works; what that one remembers is taken over."""
        try:
            with self._around.alone.hold(WHY):
                self.load()
                self._tried()
        except InstanceError as error:
            self._trouble(error)

    def _tried(self) -> None:
        """A tick that cannot be written down, or whose beginnings cannot be read, changes nothing."""
        try:
            self.tick()
            self.troubled = ""
        except InstanceError as error:
            self._trouble(error)

    def _trouble(self, error: InstanceError) -> None:
        if error.message != self.troubled:
            self._around.tell(f"nothing is changed: {error.message}")
        self.troubled = error.message

    def tick(self) -> tuple[Decision, ...]:
        """One sample: look, decide, write down, act, write down how it ended."""
        around = self._around
        policy = self._current()
        sample, mails = around.sampler.sample(self.mails)
        if self._moved_house():
            sample = replace(sample, updating="the hosts of the Swarm are others than before")
        state, decisions = decide(policy, self.state, sample)
        calm = not (state.ladder.level or sample.updating or policy.profile is not self._policy.profile)
        advice = self._advice.due(policy, around.clock.epoch_seconds(), calm=calm)
        decisions = (*decisions, *advice)
        if any(one.act and one.changes for one in decisions):
            try:
                with around.changing.hold(WHY):
                    later = self._keep(state, mails, sample, decisions, act=True)
            except Busy as error:
                # Somebody else changes the instance: judged again with that in mind, nothing is done.
                state, decisions = decide(policy, self.state, replace(sample, updating=error.message))
                decisions = (*decisions, *advice)
                later = self._keep(state, mails, sample, decisions, act=False)
            for number, one in later:
                self._act(number, one)
        else:
            self._keep(state, mails, sample, decisions, act=False)
        self.last = (sample, policy)
        if policy.mode != "off":
            around.actor.weigh()
        return decisions

    def _moved_house(self) -> bool:
        """Whether hosts came, left, or have other roles: what was read was read by the sizes of before.

        A host that is down counts, for it is expected back; what runs where is part of every sample.
        """
        sight = self._around.sampler.sight
        if isinstance(sight, Unknown):
            return False
        nodes = tuple(replace(one, state="ready") for one in sight.nodes)
        if nodes == self._nodes or (len(nodes) < 2 and len(self._nodes) < 2):
            return False
        policy = self._around.plan(sight.nodes)
        self._nodes, self._policy = nodes, replace(policy, mode=self._policy.mode)
        self._around.sampler.adopt(policy.layout)
        self._around.actor.adopt(policy.layout)
        return True

    # ---- memory

    def load(self) -> None:
        """Go on where the last one ended."""
        found = self._around.record.memory()
        if found is None:
            return
        try:
            self.state = keeping.restored(found["state"])
            mails = found["mails"]
            self.mails = Mails(
                {minute: (int(p), int(f)) for minute, (p, f) in mails["minutes"].items()},
                int(mails["day"]),
                int(mails["sent"]),
            )
        except (KeyError, TypeError, ValueError):
            self._around.tell("what was remembered of scaling cannot be read; it begins anew")

    def _keep(
        self, state: State, mails: Mails, sample: Sample, decisions: tuple[Decision, ...], *, act: bool
    ) -> list[tuple[int, Decision]]:
        """Before acting: after a kill it is known what was wanted, and what must be taken back.

        Returns:
            What is to be done once the instance's lock is free again.
        """
        around = self._around
        memory = {
            "state": keeping.plain(state),
            "mails": {"minutes": dict(mails.minutes), "day": mails.day, "sent": mails.sent},
        }
        row = recorded.row(sample, state)
        numbers = around.record.keep(sample.at, memory, row, [one.as_json() for one in decisions])
        self.state, self.mails = state, mails
        later: list[tuple[int, Decision]] = []
        for number, one in zip(numbers, decisions, strict=True):
            self._decided.add((one.subject, _direction(one), one.rule))
            if not (act and one.act and one.changes):
                around.tell(_told(one, ""))
            elif one.kind in LOCKED:
                later.append((number, one))
            else:
                self._act(number, one)
        return later

    def _act(self, number: int, one: Decision) -> None:
        outcome = self._around.actor.act(one)
        self._around.record.ended(number, outcome)
        self._around.tell(_told(one, outcome))

    def _current(self) -> Policy:
        """The policy with what people hold now; holds and surges that are over are taken away."""
        around = self._around
        now = around.clock.epoch_seconds()
        applied = around.state.load()
        if 0 < applied.surge_until <= now:
            applied = self._ended("the surge", around.end_surge)
        if any(end <= now for _, end in applied.holds.values()):
            applied = self._ended("a hold", around.end_holds)
        held = {name: number for name, (number, end) in applied.holds.items() if end > now}
        profile = PROFILES["snappy"] if applied.surge_until > now else self._policy.profile
        return replace(self._policy, holds=held, profile=profile)

    def _ended(self, what: str, end: Callable[[], tuple[int, str]]) -> Applied:
        """By a command of its own; what cannot be ended is tried again with every sample."""
        code, said = end()
        self._around.tell(f"{what} cannot be ended: {said.strip()[-200:]}" if code else f"{what} is over")
        return self._around.state.load()

    def readings(self) -> Iterator[Reading]:
        """What the exporter shows of it."""
        yield Reading(metrics.MODE, 1, (self._policy.mode,))
        yield from self._decided.samples()
        yield from self._advice.readings()
        if self.last is not None:
            yield from gauges.of(*self.last, self.state)

    @property
    def actor(self) -> Actor:
        """What acts."""
        return self._around.actor


def _direction(one: Decision) -> str:
    if not one.changes:
        return "hold"
    if one.kind in {Kind.REPLICAS, Kind.PROCESSES}:
        return "up" if one.target > one.before else "down"
    return one.kind.value


def _told(one: Decision, outcome: str) -> str:
    if not one.changes:
        return one.sentence
    if not one.act:
        return f"would do: {one.sentence}"
    return one.sentence if outcome == DONE else f"{one.sentence} ({outcome})"


def explained(found: Mapping[str, Any], outcome: str) -> str:
    """The sentence of a decision as it was kept."""
    one = Decision(**{**found, "kind": Kind(found["kind"])})
    return _told(one, outcome or DONE)
