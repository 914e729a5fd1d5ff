"""Sends WAL away as it was received: ends a segment, packs what is whole, encrypts, signs, lets go of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from instancectl.core.backup import database, naming, receiving, tar, wal
from instancectl.core.backup.receiving import Switched
from instancectl.core.backup.wal import Sent
from instancectl.core.config import InstanceConfig
from instancectl.core.result import Result, Status
from instancectl.core.units import MIB, show_bytes, show_seconds
from instancectl.errors import InstanceError, OperationFailed, Partial
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.subject import Tools
from instancectl.operations.backup.writing import Throttle, Writer
from instancectl.ports.container_streams import ContainerStreams
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock
from instancectl.ports.wal_record import WalRecord
from instancectl.ports.wal_spool import Segment, WalSpool

MOST_SEGMENTS = 32
"""In one archive: 512 MiB of plain WAL, which a restore unpacks one at a time."""

WAIT_SECONDS = 20
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where WAL comes from and where it goes."""

    config: InstanceConfig
    streams: ContainerStreams
    spool: WalSpool
    repositories: Sequence[Repository]
    lock: Lock
    journal: Journal
    record: WalRecord
    tools: Tools


Segments = Mapping[str, Segment]
"""Name → where it lies; of two runs that have it, the newer one."""


def send(out: Outlet) -> Result:
    """Send everything that was committed before now.

    Raises:
        Partial: some destination did not take it; it waits for the next run.
        InstanceError: nothing could be sent; what was received stays, up to `backup.wal_keep_mib`.
    """
    if not out.config.backup.point_in_time:
        return Result(
            Status.UNCHANGED, {"sent_bytes": 0}, ("WAL is not sent: `backup.point_in_time` is not set",)
        )
    with out.lock.hold("backup send"):
        return _Run(out).run()


class _Run:
    """One run."""

    def __init__(self, out: Outlet) -> None:
        self._out, self._clock = out, out.tools.clock
        self._began = self._clock.monotonic_seconds()
        self._failures: list[InstanceError] = []
        self._bytes = 0

    def run(self) -> Result:
        out = self._out
        out.record.change(lambda kept: replace(kept, attempt=self._clock.epoch_seconds()))
        told = self._switch()
        segments = self._received(told)
        places = [self._into(repository, told, segments) for repository in out.repositories]
        waiting = self._let_go(told, segments, [sent for sent in places if sent is not None])
        self._remember(told, places, waiting)
        self._refuse_trouble(told, segments, places)
        seconds = self._clock.monotonic_seconds() - self._began
        line = f"sent {show_bytes(self._bytes)} to {len(places)} places in {show_seconds(round(seconds, 1))}"
        data = {"sent_bytes": self._bytes, "until": told.moment, "last": told.last, "waiting_bytes": waiting}
        return Result(Status.CHANGED if self._bytes else Status.UNCHANGED, data, (line,))

    def _switch(self) -> Switched:
        stack = self._out.config.stack
        with self._out.streams.start(stack, "db", receiving.SWITCH) as running:
            output = b"".join(running.output()).decode(errors="replace")
            if code := running.code():
                raise OperationFailed(
                    f"PostgreSQL does not end a segment of WAL: exit code {code}{database.why(running.said)}",
                    subject="db",
                )
        return receiving.switched(output)

    def _received(self, told: Switched) -> dict[str, Segment]:
        """What is whole; the receiver gets a moment for the segment that was just ended."""
        deadline = self._clock.monotonic_seconds() + WAIT_SECONDS
        while True:
            found = {one.name: one for one in self._out.spool.segments(told.system)}
            if told.last in found or self._clock.monotonic_seconds() > deadline:
                return found
            self._clock.sleep(POLL_SECONDS)

    def _into(self, repository: Repository, told: Switched, segments: Segments) -> tuple[Sent, ...] | None:
        """What a destination holds afterwards; None when it does not take anything."""
        try:
            sent = _held(repository, told.system)
            for names in _groups(_missing(segments, sent), told.segment_bytes):
                sent = (*sent, self._archive(repository, told, [segments[name] for name in names], sent))
        except InstanceError as error:
            self._failures.append(error)
            return None
        return sent

    def _archive(
        self, repository: Repository, told: Switched, segments: Sequence[Segment], sent: Iterable[Sent]
    ) -> Sent:
        """One archive; only with the segment that was just ended it reaches up to now."""
        first, last = segments[0].name, segments[-1].name
        earlier = max((one.until for one in sent), default=0)
        until = told.moment if last >= told.last else earlier
        key = wal.key(told.system, first, last, until, self._out.tools.sealing.random_hex())
        stored = self._writer(repository).archive(key, self._members(told.system, segments))
        # The signature is last: without it nobody counts the archive as sent.
        repository.vouch(key, stored.blake3)
        self._bytes += stored.size
        return Sent(key, told.system, first, last, until)

    def _members(self, system: str, segments: Iterable[Segment]) -> Iterator[bytes]:
        for one in segments:
            yield tar.header(one.name.encode(), one.size, 0, private=True)
            yield from self._out.spool.read(system, one)
            yield tar.padding(one.size)
        yield tar.END

    def _writer(self, repository: Repository) -> Writer:
        tools, backup = self._out.tools, self._out.config.backup
        return Writer(
            "",
            repository.destination,
            tools.sealing,
            backup.recipients,
            tools.progress,
            Throttle(tools.clock, backup.bandwidth_mib * MIB),
        )

    def _let_go(self, told: Switched, segments: Segments, places: Sequence[tuple[Sent, ...]]) -> int:
        """Remove what is everywhere; how many bytes wait.

        When much waits, one destination is enough: the receiver must not stop because another one is away.
        """
        total = sum(one.size for one in segments.values())
        crowded = total > self._out.config.backup.wal_keep_mib * MIB // 2
        enough = len(self._out.repositories) if not crowded else 1
        waiting, newest = 0, max(segments, default="")
        for name, segment in segments.items():
            held = sum(1 for sent in places if _covers(sent, name))
            if held < len(self._out.repositories):
                waiting += segment.size
            # By the newest one the receiver knows where to go on.
            if held >= enough and name != newest:
                self._out.spool.remove(told.system, segment)
        return waiting

    def _remember(self, told: Switched, places: Sequence[tuple[Sent, ...] | None], waiting: int) -> None:
        whole = [sent for sent in places if sent is not None and _covers(sent, told.last)]
        first = _unbroken(whole[0], told) if whole else ""
        seconds = self._clock.monotonic_seconds() - self._began
        self._out.record.change(
            lambda kept: replace(
                kept,
                sent=told.moment if whole else kept.sent,
                seconds=round(seconds, 1),
                system=told.system,
                first=first if whole else kept.first,
                last=told.last if whole else kept.last,
                slot=told.slot,
                lag_bytes=told.lag_bytes,
                waiting_bytes=waiting,
                copies=len(whole),
            )
        )

    def _refuse_trouble(
        self, told: Switched, segments: Segments, places: Sequence[tuple[Sent, ...] | None]
    ) -> None:
        held = any(sent is not None and _covers(sent, told.last) for sent in places)
        if self._failures:
            error = self._failures[0]
            self._out.journal.write("wal-failed", error=error.message)
            if not held:
                raise error
            raise Partial(f"WAL is not everywhere: {error.message}", hint=error.hint, subject=error.subject)
        if told.last not in segments and not held:
            message = f"`{told.last}` was not received within {WAIT_SECONDS} s"
            self._out.journal.write("wal-failed", error=message)
            raise OperationFailed(
                f"WAL is not taken from PostgreSQL: {message}; its slot is {told.slot or 'missing'}",
                hint="see `instancectl logs wal`; `instancectl deploy` brings the service",
                subject=receiving.SERVICE,
            )


def _held(repository: Repository, system: str) -> tuple[Sent, ...]:
    keys = (one.key for one in repository.destination.listed(f"{wal.PREFIX}{system}/"))
    return wal.sent_in(keys, naming.SIGNATURE_SUFFIX)


def _covers(sent: Iterable[Sent], name: str) -> bool:
    return any(one.first <= name <= one.last for one in sent)


def _missing(segments: Segments, sent: Sequence[Sent]) -> list[str]:
    return sorted(name for name in segments if not _covers(sent, name))


def _groups(names: Iterable[str], segment_bytes: int) -> Iterator[list[str]]:
    """Runs without a gap: an archive never claims what is not in it."""
    group: list[str] = []
    for name in names:
        if group and (len(group) >= MOST_SEGMENTS or name != wal.following(group[-1], segment_bytes)):
            yield group
            group = []
        group.append(name)
    if group:
        yield group


def _unbroken(sent: Iterable[Sent], told: Switched) -> str:
    """The earliest segment from which nothing is missing up to the last."""
    first = told.last
    for one in sorted(sent, key=lambda one: one.last, reverse=True):
        if one.last >= first or wal.following(one.last, told.segment_bytes) == first:
            first = min(first, one.first)
        elif one.last < first:
            break
    return first
