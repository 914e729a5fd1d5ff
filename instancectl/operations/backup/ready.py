"""Whether an instance can be handed over: WAL arrives, a base is there, and somebody follows closely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instancectl.core.backup import handing
from instancectl.core.backup.handing import Trace
from instancectl.core.units import show_seconds
from instancectl.errors import Busy, Partial, Refused
from instancectl.operations.backup.ground import Here
from instancectl.operations.backup.handing import trace
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.sending import Outlet, send
from instancectl.operations.backup.subject import Subject
from instancectl.ports.handover_record import HandoverRecord

CATCH_UP_SECONDS = 300
"""For the last minutes of WAL; whoever needs longer is not ready to take over."""

BUSY_SECONDS = 60
"""The timer sends WAL for seconds."""

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Giving:
    """The host that hands over."""

    here: Here
    outlet: Outlet
    subject: Subject
    record: HandoverRecord

    @property
    def domain(self) -> str:
        """Of the instance."""
        return self.subject.config.instance.domain


@dataclass(frozen=True, slots=True)
class Ready:
    """What was seen before anything changes.

    Attributes:
        follower: None when nobody follows, which was accepted.
        last: the segment up to which WAL is in the destination.
    """

    repository: Repository
    follower: Trace | None
    system: str
    last: str


def look(giving: Giving, accepted: Sequence[str]) -> Ready:
    """Send what was written, and look who has it.

    Raises:
        Refused: something is missing, or the follower is too far behind; nothing was changed.
        InstanceError: WAL could not be sent.
    """
    outlet = giving.outlet
    if not outlet.config.backup.point_in_time:
        raise Refused(
            "cannot hand over: nothing of what PostgreSQL writes is sent away, so nobody can follow",
            hint="set `backup.point_in_time = true`, `instancectl deploy`, `instancectl backup create`",
            subject="backup.point_in_time",
        )
    last = send_all(giving)
    system = outlet.record.load().system
    traces = [(one, trace(one, system)) for one in outlet.repositories]
    seen = max((one for one in traces if one[1]), key=lambda one: one[1].seen if one[1] else 0, default=None)
    repository = seen[0] if seen else outlet.repositories[0]
    _refuse_baseless(repository, system)
    follower = seen[1] if seen and _fresh(giving, seen[1]) else None
    if follower is None and handing.NOBODY_FOLLOWS not in accepted:
        raise Refused(
            f"cannot hand over: nobody follows {giving.domain} in {repository.destination.name}; "
            "nothing was changed",
            hint="on the new host: `instancectl restore --from … --kit FILE --follow`; "
            f"or `--accept-risk {handing.NOBODY_FOLLOWS}`: it is down until somebody has followed",
            subject=handing.NOBODY_FOLLOWS,
        )
    ready = Ready(repository, follower, system, last)
    return _caught_up(giving, ready) if follower else ready


def _fresh(giving: Giving, found: Trace | None) -> bool:
    now = giving.here.tools.clock.epoch_seconds()
    return found is not None and now - found.seen <= handing.SEEN_SECONDS


def _refuse_baseless(repository: Repository, system: str) -> None:
    sets = (one.set for one in repository.look().sets)
    if not any(one.base.system == system for one in sets if one and one.base):
        raise Refused(
            f"cannot hand over: no set in {repository.destination.name} has the files of this PostgreSQL",
            hint="`instancectl backup create` makes one; then follow it from the new host",
            subject="backup",
        )


def _caught_up(giving: Giving, ready: Ready) -> Ready:
    """The follower gets some minutes for what was sent just now, while everybody is still served.

    Raises:
        Refused: it did not use them.
    """
    clock = giving.here.tools.clock
    deadline = clock.monotonic_seconds() + CATCH_UP_SECONDS
    while True:
        found = trace(ready.repository, ready.system)
        if found and found.segment >= ready.last:
            return replace(ready, follower=found)
        if clock.monotonic_seconds() > deadline:
            raise Refused(
                f"cannot hand over: after {show_seconds(CATCH_UP_SECONDS)} the follower has WAL up to "
                f"`{found.segment if found else '-'}`, and `{ready.last}` was sent: it would take over late; "
                "nothing was changed",
                hint="see what it says on the new host; try again when less is written here",
                subject="follower",
            )
        clock.sleep(POLL_SECONDS)


def follower_line(giving: Giving, ready: Ready) -> str:
    """For people."""
    if ready.follower is None:
        return "nobody follows: it is down until somebody has"
    ago = max(0, giving.here.tools.clock.epoch_seconds() - ready.follower.seen)
    return f"a host follows: seen {show_seconds(round(ago))} ago, it has everything that was sent"


def send_all(giving: Giving) -> str:
    """Send WAL; the last segment. What is not everywhere may be where it is needed.

    Raises:
        InstanceError: nothing could be sent.
    """
    clock = giving.here.tools.clock
    deadline = clock.monotonic_seconds() + BUSY_SECONDS
    while True:
        try:
            return str(send(giving.outlet).data["last"])
        except Busy:
            if clock.monotonic_seconds() > deadline:
                raise
            clock.sleep(POLL_SECONDS)
        except Partial:
            return giving.outlet.record.load().last
