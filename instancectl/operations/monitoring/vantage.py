"""A second vantage: rounds from another machine, its own ledger, and what it tells the agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from instancectl.core.checks.seen import Answer, NoAnswer, Request
from instancectl.core.monitoring import catalogue_probes as probes
from instancectl.core.monitoring import surfaces
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.sli import AVAILABILITY, SLICE_SECONDS, Verdict, slice_of
from instancectl.core.monitoring.surfaces import Answered, Ask
from instancectl.core.monitoring.vantage import (
    SPELLS_TOLD,
    SURFACES,
    Sighting,
    as_told,
    asks,
    request,
    sentence,
    verdicts,
)
from instancectl.core.result import Result, Status
from instancectl.core.unknown import Unknown
from instancectl.errors import InstanceError, Unhealthy
from instancectl.operations.monitoring.agent import Server
from instancectl.operations.monitoring.tally import ProbeTally
from instancectl.ports.clock import Clock
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.lock import Lock
from instancectl.ports.reporter import Reporter
from instancectl.ports.supervisor import Supervisor
from instancectl.ports.together import Together
from instancectl.ports.uptime_ledger import UptimeLedger

ROUND_SECONDS = 10.0
"""For all requests of a round; each has its own, shorter time."""


@dataclass(frozen=True, slots=True)
class Point:
    """Who looks at what.

    Attributes:
        name: of this vantage.
        site: the name visitors type, with its port if there is one.
        address: connected to instead of what the name resolves to; empty resolves it.
        controls: addresses of pages elsewhere, to know whether this machine is cut off.
    """

    name: str
    site: str
    address: str
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Eyes:
    """What it looks with."""

    web: HttpProbe
    together: Together
    clock: Clock


@dataclass(frozen=True, slots=True)
class Post:
    """What it needs to stay.

    Attributes:
        lock: of the ledger.
        serve: makes the server of `/metrics`, `/verdict` and `/spells`.
    """

    ledger: UptimeLedger
    lock: Lock
    supervisor: Supervisor
    reporter: Reporter
    serve: Callable[[Vantage], Server]


def look(point: Point, eyes: Eyes) -> Sighting:
    """One round; what failed is asked once more."""
    wanted = _questions(point, eyes)
    found = _asked(point, eyes, wanted)
    failed = [name for name, one in found.items() if one.failure]
    if failed:
        eyes.clock.sleep(surfaces.RETRY_AFTER_SECONDS)
        again = _questions(point, eyes)
        found |= _asked(point, eyes, {name: again[name] for name in failed})
    connected = True
    if any(one.failure for one in found.values()) and point.controls:
        connected = _reaches_anything(point, eyes)
    return Sighting(tuple(found[name] for name in wanted), connected)


def probe(point: Point, eyes: Eyes) -> Result:
    """One round, told; the result's exit code says whether all is well."""
    seen = look(point, eyes)
    found = verdicts(seen)
    width = max(len(one.ask.surface) for one in seen.answers)
    lines = [sentence(point.site, seen), ""]
    for one in seen.answers:
        told = one.said if one.failure else f"{one.seconds * 1000:.0f} ms"
        lines.append(f"{one.ask.surface:<{width}}  {found[one.ask.surface].value:<7}  {told}")
    data = {
        "site": point.site,
        "vantage": point.name,
        "connected": seen.connected,
        "verdicts": {name: verdict.value for name, verdict in found.items()},
        "answers": [
            {"surface": one.ask.surface, "status": one.status, "seconds": round(one.seconds, 3),
             "failure": one.failure, "said": one.said}
            for one in seen.answers
        ],
    }  # fmt: skip
    well = found[AVAILABILITY] is Verdict.GOOD and not seen.failed
    return Result(Status.OK, data, tuple(lines), exit_code=0 if well else Unhealthy.exit_code)


def stay(point: Point, eyes: Eyes, post: Post) -> Result:
    """A round in every slice until somebody asks to stop.

    Raises:
        Busy: another one of this vantage runs.
        OperationFailed: the address is taken.
    """
    with post.lock.hold("probe --watch"):
        vantage = Vantage(point, eyes, post)
        server = post.serve(vantage)
        server.start()
        post.supervisor.ready()
        try:
            vantage.round()
            while not post.supervisor.wait(SLICE_SECONDS - eyes.clock.epoch_seconds() % SLICE_SECONDS):
                vantage.round()
        finally:
            server.close()
    return Result(Status.OK, {"rounds": vantage.rounds}, ("stopped when asked to",))


class Vantage:
    """Rounds, and what they add up to."""

    def __init__(self, point: Point, eyes: Eyes, post: Post) -> None:
        """Nothing was seen yet."""
        self._point, self._eyes, self._post = point, eyes, post
        self._tally = ProbeTally(SURFACES, point.name)
        self._seen: Sighting | None = None
        self._said = ""
        self.rounds = 0

    def round(self) -> None:
        """Look, write down, tell."""
        number = slice_of(self._eyes.clock.epoch_seconds())
        seen = look(self._point, self._eyes)
        self._tally.note(number * SLICE_SECONDS, seen.answers)
        self._seen = seen
        self.rounds += 1
        try:
            self._post.ledger.record(number, verdicts(seen), f"seen from {self._point.name}")
        except InstanceError as error:  # a full disk must not end the probing
            self._post.reporter.note(error.message)
        said = sentence(self._point.site, seen)
        self._post.supervisor.tell(said)
        if said != self._said:
            self._said = said
            self._post.reporter.note(said)

    def samples(self) -> Iterable[Sample]:
        """Of probes only: slices are counted by the agent, once."""
        yield from self._tally.samples()
        if self._seen is not None:
            yield Sample(probes.PROBE_CONNECTIVITY, float(self._seen.connected), (self._point.name,))

    def verdict(self) -> Mapping[str, Any]:
        """The last round as plain values."""
        seen = self._seen
        if seen is None:
            return {"sentence": None, "verdicts": None}
        found = {name: one.value for name, one in verdicts(seen).items()}
        return {"sentence": sentence(self._point.site, seen), "verdicts": found}

    def spells(self) -> Mapping[str, Any]:
        """What the agent fetches; see `core.monitoring.vantage.as_told`."""
        told = {sli: self._post.ledger.spells(sli, SPELLS_TOLD) for sli in (AVAILABILITY, *SURFACES)}
        return as_told(self._point.name, told, connected=self._seen is None or self._seen.connected)


def _questions(point: Point, eyes: Eyes) -> dict[str, Ask]:
    """New ones each time: two vantages in the same slice must not answer each other through a cache."""
    once = f"{int(eyes.clock.epoch_seconds() * 1e6):x}"
    return {ask.surface: ask for ask in asks(point.site, once)}


def _asked(point: Point, eyes: Eyes, wanted: Mapping[str, Ask]) -> dict[str, Answered]:
    looks = {name: partial(_ask, point, eyes.web, ask) for name, ask in wanted.items()}
    found = eyes.together.run(looks, ROUND_SECONDS)
    return {
        name: Answered(wanted[name], point.name, "timeout", said=one.reason)
        if isinstance(one, Unknown)
        else one
        for name, one in found.items()
    }


def _ask(point: Point, web: HttpProbe, ask: Ask) -> Answered:
    answer = web.ask(request(ask, point.site, point.address))
    if isinstance(answer, NoAnswer):
        return Answered(ask, point.name, answer.kind, said=answer.reason)
    return surfaces.judged(surfaces.answered(ask, point.name, answer))


def _reaches_anything(point: Point, eyes: Eyes) -> bool:
    looks = {url: partial(eyes.web.ask, Request(url, method="HEAD")) for url in point.controls}
    return any(isinstance(one, Answer) for one in eyes.together.run(looks, ROUND_SECONDS).values())
