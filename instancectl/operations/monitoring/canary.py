"""Posts every five minutes, waits until the post arrives live, deletes it; beside the agent's rounds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from instancectl.core.checks.seen import Answer, NoAnswer
from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import canary
from instancectl.core.monitoring import catalogue_probes as metrics
from instancectl.core.monitoring.canary import Door, Outcome
from instancectl.core.monitoring.metric import Counter, Sample, Tally
from instancectl.core.secrets import Secret
from instancectl.core.topology.parts import EDGE
from instancectl.core.unknown import NOT_LOOKED, Known, Unknown
from instancectl.errors import InstanceError, Unreachable
from instancectl.ports.clock import Clock
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.live_stream import LiveStream, Messages
from instancectl.ports.reporter import Reporter
from instancectl.ports.stack_sight import StackSight

SETTLE_SECONDS: Final = 0.25
"""Streaming subscribes to its Redis a moment after the handshake."""

LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Perch:
    """What the canary needs.

    Attributes:
        http: from within the overlay network.
        live: likewise.
        token: of its account; empty when there is none.
        nonce: words that were never posted before.
        ever_deployed: whether a deploy was once seen to work.
    """

    stack: StackSight
    http: HttpProbe
    live: LiveStream
    clock: Clock
    reporter: Reporter
    token: Secret
    nonce: Callable[[], str]
    ever_deployed: Callable[[], bool]
    background: Callable[[Callable[[], None]], None]


class Canary:
    """Runs again and again; what it saw last is read by rounds and scrapes."""

    def __init__(self, config: InstanceConfig, perch: Perch) -> None:
        """Nothing was posted yet; everything that can be counted reads zero."""
        self._config, self._perch = config, perch
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._posts, self._failures = Counter(metrics.CANARY_POSTS), Counter(metrics.CANARY_FAILURES)
        self._took = Tally(metrics.CANARY_DELIVERY)
        self._last: Known[Outcome] = NOT_LOOKED
        self._said = ""
        self._swept = False
        for counter in (self._posts, self._failures):
            counter.add((), 0)

    def start(self) -> None:
        """Work in the background until closed."""
        self._perch.background(self._work)

    def close(self) -> None:
        """Begin no further run."""
        self._closed.set()

    def latest(self) -> Known[Outcome]:
        """The last run, as long as it says something about now."""
        with self._lock:
            last = self._last
        if isinstance(last, Unknown):
            return last
        age = self._perch.clock.epoch_seconds() - last.at
        return (
            last if age <= canary.OLD_SECONDS else Unknown(f"the canary ended its last run {age:.0f} s ago")
        )

    def samples(self) -> Iterator[Sample]:
        """Of all runs since the agent started; a run that could not be made has no success."""
        latest = self.latest()
        with self._lock:
            found = (*self._posts.samples(), *self._failures.samples(), *self._took.samples())
        yield from found
        if not isinstance(latest, Unknown):
            yield Sample(metrics.CANARY_SUCCESS, float(not latest.failed_at))
            yield Sample(metrics.CANARY_LAST_RUN, latest.at)

    def run(self) -> Known[Outcome]:
        """One run: what came of it, or why it could not be made."""
        try:
            found = self._run()
        except InstanceError as error:
            found = Unknown(error.message, error.hint)
        with self._lock:
            self._last = found
            if not isinstance(found, Unknown):
                self._posts.add()
                self._failures.add((), float(bool(found.failed_at)))
                if not found.failed_at:
                    self._took.add((), found.seconds)
        self._tell(found)
        return found

    def _run(self) -> Known[Outcome]:
        at, perch = self._perch.clock.epoch_seconds(), self._perch
        if not perch.token:
            return Unknown(
                "the canary has no token",
                f"put it into `alerts.env` as {canary.TOKEN}",
            )
        caches = [one for one in perch.stack.look().of("cache") if one.runs and EDGE in one.addresses]
        if not caches:
            if not perch.ever_deployed():
                return Unknown("nothing is deployed yet")
            return Outcome(at, "reach", said="`cache` has no replica that runs")
        door = Door(self._config.site, caches[0].addresses[EDGE], perch.token)
        opened = perch.live.open(canary.live(door))
        if isinstance(opened, (Answer, NoAnswer)):
            said = canary.told(opened, "the live timeline")
            return canary.refused(opened) or Outcome(at, "stream", said=said)
        try:
            return self._posted(at, door, opened)
        finally:
            opened.close()

    def _posted(self, at: float, door: Door, stream: Messages) -> Known[Outcome]:
        perch = self._perch
        perch.clock.sleep(SETTLE_SECONDS)
        answer = perch.http.ask(canary.post(door, perch.nonce()))
        made = canary.accepted(answer)
        if made is None:
            self._swept = False  # it may have been stored and only the answer was lost
            return canary.refused(answer) or Outcome(at, "post", said=canary.told(answer, "a post"))
        accepted = perch.clock.monotonic_seconds()
        try:
            seconds = self._seen(stream, made.id, accepted)
        except Unreachable as error:
            return Outcome(at, "arrival", said=error.message)
        finally:
            self._clean(door, made)
        if seconds is None:
            said = f"a post had not arrived after {canary.PATIENCE_SECONDS:.0f} s"
            return Outcome(at, "arrival", said=said)
        return Outcome(at, seconds=seconds)

    def _seen(self, stream: Messages, post_id: str, accepted: float) -> float | None:
        """Seconds until the post arrived; None when it did not."""
        now = self._perch.clock.monotonic_seconds
        while (left := accepted + canary.PATIENCE_SECONDS - now()) > 0:
            message = stream.receive(left)
            if message is not None and canary.arrived(message, post_id):
                return now() - accepted
        return None

    def _clean(self, door: Door, made: canary.Post) -> None:
        """Delete the post; after a start or a failure also what earlier runs left behind."""
        perch = self._perch
        gone = self._delete(door, made.id)
        if self._swept and gone:
            return
        listed = perch.http.ask(canary.own_posts(door, made.account))
        left = [one for one in canary.left_behind(listed) if one != made.id or not gone]
        looked = isinstance(listed, Answer) and listed.status == 200
        deleted = [self._delete(door, one) for one in left]
        self._swept = looked and all(deleted)

    def _delete(self, door: Door, post_id: str) -> bool:
        answer = self._perch.http.ask(canary.delete(door, post_id))
        # 404: it is gone already.
        return isinstance(answer, Answer) and answer.status in {200, 404}

    def _tell(self, found: Known[Outcome]) -> None:
        """Once, whenever it changes."""
        said = found.reason if isinstance(found, Unknown) else found.said
        if said != self._said:
            self._said = said
            self._perch.reporter.note(f"canary: {said}" if said else "canary: posts arrive again")

    def _work(self) -> None:
        clock = self._perch.clock
        while not self._closed.is_set():
            found = self.run()
            well = not isinstance(found, Unknown) and not found.failed_at
            due = clock.monotonic_seconds() + (canary.EVERY_SECONDS if well else canary.AGAIN_SECONDS)
            while not self._closed.is_set() and clock.monotonic_seconds() < due:
                clock.sleep(LOOK_SECONDS)
