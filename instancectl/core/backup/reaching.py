"""Which base, which WAL and which set bring a moment back; refused by name when something is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instancectl.core.backup import moment as moments
from instancectl.core.backup import wal
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.moment import Moment
from instancectl.core.backup.wal import Base, Chain, Sent
from instancectl.errors import Refused, Unhealthy

_MAJOR = re.compile(r"(?:^|PostgreSQL\) )(\d+)")


@dataclass(frozen=True, slots=True)
class Reach:
    """How a moment is reached.

    Attributes:
        start: the set whose base recovery begins with.
        base: of it.
        chain: WAL from there on.
        rest: the set that everything but the database comes from.
        until: the last moment that is in it, epoch seconds.
    """

    moment: Moment
    start: BackupSet
    base: Base
    chain: Chain
    rest: BackupSet

    @property
    def until(self) -> int:
        """The moment itself, or the end of what was sent."""
        asked = self.moment.epoch_seconds
        return self.chain.until if asked is None else min(asked, self.chain.until)

    @property
    def wal_bytes(self) -> int:
        """Of plain WAL, at most."""
        segments = 0
        for one in self.chain.sent:
            name = one.first
            segments += 1
            while name < one.last:
                name, segments = wal.following(name, self.base.segment_bytes), segments + 1
        return segments * self.base.segment_bytes


def reach(sets: Iterable[BackupSet], sent: Sequence[Sent], moment: Moment, wanted: str = "latest") -> Reach:
    """Decide.

    Args:
        sets: those that are whole and trusted.
        sent: WAL of the destination.
        moment: where to.
        wanted: the set that everything but the database shall come from; `latest` chooses one.

    Raises:
        Refused: the moment is not within what can be reached.
        Unhealthy: WAL is missing; names the segment.
    """
    known = sorted(sets, key=lambda one: one.created)
    starts = [(one, one.base) for one in known if one.base]
    if not starts:
        raise Refused(
            "no set has the files of PostgreSQL, so no moment can be reached",
            hint="set `backup.point_in_time`, `instancectl deploy`, and make a set; until then: `--set ID`",
            subject="backup.point_in_time",
        )
    at = moment.epoch_seconds
    earlier = [(one, base) for one, base in starts if at is None or base.reached <= at]
    if not earlier:
        first = Moment(min(base.reached for _, base in starts))
        raise Refused(
            f"`{moment.text}` is too early: the first moment that can be reached is {first.text}",
            hint="`instancectl backup list` shows what can be reached",
            subject=moment.text,
        )
    for start, base in reversed(earlier):
        chain = wal.chain(base, sent, at)
        if chain.until and (at is None or chain.until >= at):
            return Reach(moment, start, base, chain, _rest(known, start, chain, moment, wanted))
    raise _missing(sent, *earlier[-1], moment)


def refuse_machine(found: Reach, machine: str) -> None:
    """The files of a cluster are of one architecture.

    Args:
        found: how the moment would be reached.
        machine: of this host, as `uname -m` says.

    Raises:
        Refused: it is another one; the dump of a set is offered instead.
    """
    theirs = found.base.machine
    if theirs and machine != theirs:
        raise _unreadable(found, f"are of a `{theirs}`, and this host is a `{machine}`")


def refuse_version(found: Reach, said: str) -> None:
    """Nor does another major version of PostgreSQL read them.

    Args:
        found: how the moment would be reached.
        said: the output of `postgres --version` in the image that would; anything else refuses nothing.

    Raises:
        Refused: it is another one; the dump of a set is offered instead.
    """
    theirs, ours = _MAJOR.search(found.base.version), _MAJOR.search(said)
    if theirs and ours and theirs[1] != ours[1]:
        raise _unreadable(found, f"are of PostgreSQL {theirs[1]}, and its image has {ours[1]} by now")


def _unreadable(found: Reach, why: str) -> Refused:
    return Refused(
        f"the files of PostgreSQL in `{found.start.id}` {why}: no moment can be reached here; "
        "nothing was changed",
        hint=f"restore a set, whose dump can be read anywhere: `--set {found.rest.id}`, without `--at`",
        subject=found.start.id,
    )


def _rest(
    known: Sequence[BackupSet], start: BackupSet, chain: Chain, moment: Moment, wanted: str
) -> BackupSet:
    """The first set after the moment has the media of it; one of another release has another schema."""
    if wanted != moments.LATEST:
        found = next((one for one in known if one.id == wanted), None)
        if found is None:
            raise Refused(f"there is no whole set `{wanted}`", hint="see `instancectl backup list`")
        return found
    until = chain.until if moment.epoch_seconds is None else moment.epoch_seconds
    rest = next((one for one in known if one.created >= until), known[-1])
    if rest.release != start.release:
        raise Refused(
            f"between `{start.id}` and `{rest.id}` Mastodon went from {start.release} to {rest.release}: "
            "nobody knows which schema the moment has",
            hint=f"say which set the rest comes from: `--set {start.id}` or `--set {rest.id}`",
            subject=rest.id,
        )
    return rest


def _missing(sent: Sequence[Sent], start: BackupSet, base: Base, moment: Moment) -> Unhealthy | Refused:
    chain = wal.chain(base, sent)
    end = Moment(max(base.reached, chain.until)).text
    later = any(one.system == base.system and one.first > chain.missing for one in sent)
    if later or not chain.until:
        whole = f"only moments up to {end} can be reached" if chain.until else "it leads nowhere"
        return Unhealthy(
            f"WAL is missing from `{chain.missing}` on, behind the base of `{start.id}`: {whole}",
            hint=f"`--at '{end}'`, or the set after the gap: see `instancectl backup list`"
            if chain.until
            else f"restore the set itself: `--set {start.id}`",
            subject=chain.missing,
        )
    return Refused(
        f"`{moment.text}` is too late: what was sent away ends at {end}",
        hint="`--at latest` goes to the end of it",
        subject=moment.text,
    )


def lines(found: Reach) -> list[str]:
    """For people."""
    reached = Moment(found.until).text
    start = f"the base of {found.start.id} and {len(found.chain.sent)} archives of WAL"
    return [
        f"database: as of {reached} (UTC), from {start}",
        f"media, settings and secrets: of {found.rest.id}",
    ]
