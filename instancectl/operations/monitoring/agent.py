"""The resident agent: a round of probes in every slice, the ledger, and `/metrics` at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from instancectl.core.config import InstanceConfig
from instancectl.core.monitoring import catalogue_stores as stores
from instancectl.core.monitoring.metric import Sample
from instancectl.core.monitoring.sight import Sight
from instancectl.core.monitoring.sli import SLICE_SECONDS, Counts, slice_of
from instancectl.core.monitoring.verdict import judge
from instancectl.core.result import Result, Status
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import InstanceError, OperationFailed
from instancectl.operations.monitoring.collecting import DOCKER_AREA, Collectors
from instancectl.operations.monitoring.probing import Prober, Senses
from instancectl.operations.monitoring.settings import Settings
from instancectl.operations.monitoring.watch import Watch
from instancectl.ports.lock import Lock
from instancectl.ports.reporter import Reporter
from instancectl.ports.supervisor import Supervisor

LOOK_SECONDS = 1.0
"""How often the main thread looks whether the prober still lives."""

DISK_EVERY_SLICES = 20


class Server(Protocol):
    """What serves the metrics, and whatever runs beside."""

    def start(self) -> None:
        """Serve in the background."""

    def close(self) -> None:
        """Stop."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the agent needs besides its senses.

    Attributes:
        lock: of the ledger: two agents would count every slice twice.
        serve: makes the server of `/metrics` and `/verdict`.
        background: runs work beside the main thread; ends with the process.
        settings: the files it was started with; None where nobody changes them.
        again: replaces this process by itself, started anew; does not return.
        beside: makes what else is served or done while the agent runs.
    """

    senses: Senses
    supervisor: Supervisor
    reporter: Reporter
    lock: Lock
    serve: Callable[[Agent], Server]
    background: Callable[[Callable[[], None]], None]
    settings: Settings | None = None
    again: Callable[[], None] = lambda: None
    beside: Callable[[Agent], tuple[Server, ...]] = lambda _: ()


def run(config: InstanceConfig, around: Around) -> Result:
    """Probe and serve until somebody asks to stop.

    Raises:
        Busy: another agent of this instance runs.
        OperationFailed: the address is taken, or the prober broke.
    """
    agent = Agent(config, around)
    with around.lock.hold("agent run"):
        servers = (around.serve(agent), *around.beside(agent))
        for server in servers:
            server.start()
        around.background(agent.probe_for_ever)
        around.supervisor.ready()
        while not around.supervisor.wait(LOOK_SECONDS):
            if agent.broken is not None:
                _close(servers)
                raise agent.broken
            if around.settings is not None and around.settings.changed():
                _close(servers)
                break
        else:
            _close(servers)
            return _stopped(agent)
    around.again()
    return _stopped(agent)


def _stopped(agent: Agent) -> Result:
    return Result(Status.OK, {"slices": agent.slices}, ("the agent stopped when asked to",))


def _close(servers: tuple[Server, ...]) -> None:
    for server in reversed(servers):
        server.close()


class Agent:
    """Ties rounds, ledger and metrics together."""

    def __init__(self, config: InstanceConfig, around: Around) -> None:
        """Nothing was probed yet."""
        self._around, self._senses = around, around.senses
        self._prober = Prober(config, around.senses)
        self._collectors = Collectors(around.senses)
        self.watch = Watch(config)
        self._further: list[Callable[[], Iterable[Sample]]] = []
        self.slices = 0
        self.broken: InstanceError | None = None
        self._said = ""

    def probe_for_ever(self) -> None:
        """A round at the beginning of every slice; an error nobody foresaw ends the agent, visibly."""
        try:
            while True:
                self.probe()
                now = self._senses.clock.epoch_seconds()
                self._senses.clock.sleep(SLICE_SECONDS - now % SLICE_SECONDS)
        except Exception as error:  # noqa: BLE001 - told by the main thread, which then ends
            self.broken = OperationFailed(
                f"the prober broke: {type(error).__name__}: {error}",
                hint="this is a bug in instancectl: report it",
            )

    def probe(self) -> None:
        """One slice: look, judge, write down, tell."""
        number = slice_of(self._senses.clock.epoch_seconds())
        seen = self._prober.round(number)
        judgement = judge(seen.evidence)
        self._collectors.see(seen.sight)
        self.watch.note(number, seen, judgement)
        self._keep(lambda: self._senses.ledger.record(number, judgement.verdicts, ",".join(judgement.causes)))
        if self.slices % DISK_EVERY_SLICES == 0 and not isinstance(seen.sight, Unknown):
            directory = seen.sight.docker_directory
            self._keep(lambda: self._note_room(directory))
        self.slices += 1
        self._tell(judgement.sentence)

    def samples(self) -> Iterable[Sample]:
        """Everything of one scrape."""
        try:
            totals, filled, kept = self._senses.ledger.totals(), self._senses.ledger.filled(), True
        except InstanceError:
            totals, filled, kept = dict[str, Counts](), dict[str, int](), False
        yield Sample(stores.COLLECTOR_SUCCESS, float(kept), ("ledger",))
        if kept:
            yield from self.watch.samples(totals, filled)
        yield from self._collectors.samples()
        if self._around.settings is not None:
            yield from self._around.settings.samples()
        for samples in self._further:
            yield from samples()

    def verdict(self) -> Mapping[str, Any]:
        """The last judgement as plain values, and why changed settings are not used."""
        settings = self._around.settings
        return {**self.watch.verdict(), "settings_refused": settings.refused if settings else ""}

    def sight(self) -> Known[Sight]:
        """What the Engine showed in the last round."""
        return self._collectors.sight

    def also(self, samples: Callable[[], Iterable[Sample]]) -> None:
        """Show these samples, too, in every scrape."""
        self._further.append(samples)

    def _note_room(self, directory: str) -> None:
        free = self._senses.host.disk(directory).free_bytes
        self._senses.ledger.note_free(self._senses.clock.epoch_seconds(), DOCKER_AREA, free)

    def _keep(self, write: Callable[[], None]) -> None:
        """A full disk must not end the probing; the slice becomes unknown."""
        try:
            write()
        except InstanceError as error:
            self._around.reporter.note(error.message)

    def _tell(self, sentence: str) -> None:
        self._around.supervisor.tell(sentence)
        if sentence != self._said:
            self._said = sentence
            self._around.reporter.note(sentence)
