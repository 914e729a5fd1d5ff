"""Restores an instance on another host while it runs on its own, follows it, and takes over in seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from instancectl.core.backup import handing, reaching, restoring, wal
from instancectl.core.backup import moment as moments
from instancectl.core.backup.following import CLUSTER
from instancectl.core.backup.handing import Handover
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.moment import Moment
from instancectl.core.backup.reaching import Reach
from instancectl.core.backup.restoring import MEDIA, Phase, Record
from instancectl.core.backup.wal import Chain
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes, show_seconds
from instancectl.errors import OperationFailed, Refused, Unhealthy
from instancectl.operations.backup import handing as handovers
from instancectl.operations.backup import live, redis_back, settings
from instancectl.operations.backup.choosing import Chosen, choose
from instancectl.operations.backup.following import Following
from instancectl.operations.backup.ground import Ground, Wish
from instancectl.operations.backup.live import CACHE, MEDIA_VOLUME, REDIS_VOLUME
from instancectl.operations.backup.media_back import MediaBack
from instancectl.operations.backup.restore import Run, carried_out, refuse_small, with_schema
from instancectl.operations.backup.rolling import extra_bytes
from instancectl.operations.backup.scratched import Images

LOOK_SECONDS = 1.0
SAY_SECONDS = 60
WAL_SECONDS = 30
"""A handover is written after the last WAL: a listing may lag behind, a gap stays."""

READ_SECONDS = 600
"""What is handed over last is a few segments."""

UNDO = "on the old host, `instancectl backup handover --undo` starts everything again"


def show(ground: Ground, wish: Wish) -> Result:
    """What following would do; nothing is changed.

    Raises:
        InstanceError: it would be refused.
    """
    reach = _reach(ground)
    chosen = choose(ground.repository, ground.opener, reach.rest.id, wish.accepted)
    found, free = _needs(chosen, reach), ground.free_bytes()
    lines = [
        *restoring.needs_lines(chosen.set, found, free),
        *reaching.lines(reach),
        f"then it follows {chosen.set.instance} until that host is told `instancectl backup handover`",
        "lost: nothing" if wish.redis else "lost: jobs that wait then, unless `--with-redis`",
        "nothing was changed",
    ]
    data = {"set": chosen.set.id, "start": reach.start.id, "disk_bytes": found.disk_bytes, "free_bytes": free}
    return Result(Status.PLANNED, data, tuple(lines))


def follow(ground: Ground, wish: Wish) -> Result:
    """Follow until the handover and take over, or go on with what an earlier run began.

    Raises:
        Refused: an instance is here, or it cannot be followed from here; nothing was changed.
        InstanceError: a phase failed; the same command goes on from there.
    """
    with ground.lock.hold("restore"):
        record, wish = live.continued(ground, wish)
        if record is None:
            reach = _reach(ground)
            chosen = choose(ground.repository, ground.opener, reach.rest.id, wish.accepted)
            record = _begin(ground, wish, chosen, reach)
        else:
            chosen = choose(ground.repository, ground.opener, record.set, wish.accepted)
            reach = _again(ground, record, chosen.set)
        return carried_out(Moving(ground, wish, chosen, record, reach))


def _reach(ground: Ground) -> Reach:
    reach = ground.following.reach(Moment(), moments.LATEST)
    ground.following.refuse_version(reach)
    _refuse_other_image(ground, reach)
    return reach


def _refuse_other_image(ground: Ground, reach: Reach) -> None:
    """Its files become the live ones: the image that made them must be the one that will run.

    Raises:
        Refused: it is another one.
    """
    reference = ground.understood(settings.instance_file(ground.opener.files(reach.rest))).images.db
    theirs, ours = (Images(ground.swarm, one).of(reference) for one in (reach.start, reach.rest))
    if theirs != ours:
        raise Refused(
            f"the files of PostgreSQL in `{reach.start.id}` were written by `{theirs}`, and `{ours}` would "
            "run: they may sort texts differently; nothing was changed",
            hint="on the old host, `instancectl backup create`; or restore with a longer gap: `--at latest`",
            subject=reference,
        )


def _again(ground: Ground, record: Record, rest: BackupSet) -> Reach:
    """What an earlier run began with."""
    start, _ = ground.repository.read_set(record.start)
    if start.base is None:
        raise OperationFailed(f"the set `{start.id}` has no files of PostgreSQL", subject=start.id)
    return Reach(Moment(), start, start.base, Chain((), 0, start.base.first), rest)


def _needs(chosen: Chosen, reach: Reach) -> restoring.Needs:
    found = restoring.needs(chosen.set)
    return replace(found, disk_bytes=chosen.set.media.bytes + extra_bytes(reach))


def _begin(ground: Ground, wish: Wish, chosen: Chosen, reach: Reach) -> Record:
    config = ground.understood(settings.instance_file(ground.opener.files(chosen.set)))
    live.refuse_live(ground, config, chosen.set, wish)
    refuse_small(ground, chosen, _needs(chosen, reach))
    tools = ground.tools
    record = Record(
        chosen.set.id,
        beside=False,
        began=int(tools.clock.epoch_seconds()),
        follow=True,
        start=reach.start.id,
        token=tools.sealing.random_hex(),
    )
    ground.desk.remove()
    ground.record.save(record)
    ground.journal.write("restore-started", set=chosen.set.id, follow=True)
    return record


@dataclass(slots=True)
class Moving(Run):
    """One run through the phases of a move."""

    _at: str = ""
    _trace: str = ""
    _traced: float = 0.0
    _said: float = 0.0
    _handover: Handover | None = None

    def run(self) -> Result:
        """Go on; what was seen of a handover that was withdrawn since counts no more."""
        if self.record.handover and not self.record.is_done(Phase.TAKE):
            found = handovers.ended(self.ground.repository, self.record.handover)
            if found.startswith(handing.WITHDRAWN):
                self._save(replace(self.record.without(Phase.FOLLOW, Phase.REST), handover=""))
        return Run.run(self)

    def _phases(self) -> dict[Phase, Callable[[], str]]:
        return {
            Phase.SETTINGS: self._settings,
            Phase.READY: self._ready,
            Phase.BASE: self._base,
            Phase.MEDIA: self._early_media,
            Phase.FOLLOW: self._follow,
            Phase.REST: self._rest,
            Phase.TAKE: self._take,
            Phase.SWAP: self._swap,
            Phase.START: self._start,
            Phase.JOBS: self._jobs,
            Phase.FEEDS: self._feeds,
        }

    @property
    def _start_from(self) -> Reach:
        if self.reach is None:
            raise OperationFailed("there is nothing to follow")
        return self.reach

    @property
    def _copy(self) -> Following:
        return Following(self.ground.following, self._start_from)

    @property
    def _since(self) -> int:
        return self._given.at

    @property
    def _given(self) -> Handover:
        """The handover that was seen, read again by whoever goes on."""
        if self._handover is None:
            self._handover = handovers.read(self.ground.repository, self.record.handover)
        return self._handover

    @property
    def _newest(self) -> BackupSet:
        return self._given.over(self.chosen.set)

    def _ready(self) -> str:
        """All that takes long; it refuses what a restore refuses at its end, before anybody waits for it."""
        self.stage.deployer.start("restore", lambda _: False)
        return ""

    def _base(self) -> str:
        self._copy.begin()
        return f"from the base of {self._start_from.start.id}"

    def _early_media(self) -> str:
        back = self._media_back()
        return back.run(self.chosen.set) if back else "none in this set"

    def _media_back(self) -> MediaBack | None:
        target = self.stage.media
        if target is None or self.chosen.set.part(MEDIA) is None:
            return None
        accept = restoring.MISSING_MEDIA in self.wish.accepted
        return MediaBack(
            self.ground.opener, self.ground.desk, target, set(self.chosen.missing), accept=accept
        )

    def _follow(self) -> str:
        copy, clock = self._copy, self.ground.tools.clock
        copy.wake()
        at = copy.feed(copy.segment(copy.look()), everything=True)
        while (found := self._pending()) is None:
            at = copy.feed(at)
            self._tell(copy, at)
            clock.sleep(LOOK_SECONDS)
        self._handover, self._at = found, at
        self._save(replace(self.record, handover=found.id))
        return f"handed over up to `{found.last}`"

    def _pending(self) -> Handover | None:
        """The newest handover of what is followed here.

        Raises:
            Unhealthy: one is not ours.
            Refused: it has another schema.
        """
        base, set_ = self._start_from.base, self.chosen.set
        found = None
        for one in handovers.pending(self.ground.repository):
            if (one.instance, one.system) != (set_.instance, base.system):
                raise Unhealthy(
                    f"the handover `{one.id}` is of another PostgreSQL than the one that is followed here "
                    f"({one.instance}, {one.system}); nothing was changed",
                    hint=UNDO,
                    subject=one.id,
                )
            if one.last >= base.first:
                found = one
        if found and found.release != set_.release:
            raise Refused(
                f"{set_.instance} went from Mastodon {set_.release} to {found.release} since `{set_.id}` was "
                "made; nothing was changed",
                hint=f"{UNDO}; make a set there, and follow from that",
                subject=found.release,
            )
        return found

    def _tell(self, copy: Following, at: str) -> None:
        """Leave a trace, by which the old host knows that somebody follows; say how far it is."""
        clock, tools = self.ground.tools.clock, self.ground.tools
        now = clock.monotonic_seconds()
        destination, system = self.ground.repository.destination, self._start_from.base.system
        fed = handing.trace_key(system, at, "")
        due = now - self._traced >= handing.TRACE_SECONDS
        if (due or not self._trace.startswith(fed)) and copy.reach(at, 0):
            key = handing.trace_key(system, at, tools.sealing.random_hex())
            self.ground.repository.store(key, b"\n")
            if self._trace:
                destination.delete(self._trace)
            self._trace, self._traced = key, now
        if not self._said or now - self._said >= SAY_SECONDS:
            self._said = now
            tools.reporter.note(self._how_far(copy, at))

    def _how_far(self, copy: Following, at: str) -> str:
        size = self._start_from.base.segment_bytes
        behind = max(0, handing.position(at, size) - wal.place(copy.look().read))
        known = [one.until for one in copy.sent()]
        age = max(0, int(self.ground.tools.clock.epoch_seconds()) - max(known, default=0))
        return (
            f"follows: {show_bytes(behind)} to read; has what was written until {show_seconds(age)} ago. "
            "On the old host: `instancectl backup handover`"
        )

    def _rest(self) -> str:
        """All that can fail, before it is decided who has the instance."""
        copy, given = self._copy, self._given
        copy.wake()
        self._wal(copy, given)
        if self.wish.redis:
            redis_back.stage(self.ground.opener, self._newest, self.stage.volumes)
        back = self._media_back()
        return back.catch_up(self._newest) if back and given.media else "none but the database"

    def _wal(self, copy: Following, given: Handover) -> None:
        clock = self.ground.tools.clock
        deadline = clock.monotonic_seconds() + WAL_SECONDS
        at = copy.feed(self._at) if self._at else copy.feed(copy.segment(copy.look()), everything=True)
        while at < given.last:
            if clock.monotonic_seconds() > deadline:
                missing = wal.following(at, self._start_from.base.segment_bytes)
                raise Unhealthy(
                    f"WAL is missing from `{missing}` on, and the handover ends with `{given.last}`; "
                    "nothing was changed",
                    hint=UNDO,
                    subject=missing,
                )
            clock.sleep(LOOK_SECONDS)
            at = copy.feed(at)
        if not copy.reach(given.last, READ_SECONDS):
            raise Unhealthy(
                f"PostgreSQL has {copy.look().read}, and does not get to the end of `{given.last}`; "
                "nothing was changed",
                hint=UNDO,
                subject=given.last,
            )

    def _take(self) -> str:
        word = f"{handing.TAKEN} {self.record.token}"
        found = handovers.end(self.ground.repository, self.record.handover, word)
        if found != word:
            withdrawn = found.startswith(handing.WITHDRAWN)
            raise Refused(
                f"the handover `{self.record.handover}` was "
                + ("withdrawn" if withdrawn else "taken by another host")
                + "; nothing was changed",
                hint="the same command goes on following"
                if withdrawn
                else "`instancectl restore undo` ends following here",
                subject=self.record.handover,
            )
        self.ground.journal.write("handover-taken", id=self.record.handover)
        self._copy.promote()
        return "from now on the instance is here"

    def _swap(self) -> str:
        stage = self.stage
        stage.volumes.take("db", CLUSTER, self._copy.cluster)
        if stage.media is not None and self.chosen.set.part(MEDIA):
            stage.volumes.set_in(MEDIA_VOLUME, CACHE)
        stage.volumes.set_in(REDIS_VOLUME, frozenset())
        recorded = settings.recorded(self.ground.opener.files(self.chosen.set))
        self.ground.state.save(with_schema(self.ground.state.load(), recorded))
        return ""

    def tidy(self) -> None:
        """The copy's containers and volume, too."""
        self._copy.rolling.scratch.sweep()
        Run.tidy(self)

    def _result(self, seconds: float, lost: str) -> Result:  # noqa: ARG002 - nothing is
        set_, given = self.chosen.set, self._given
        down = max(0, int(self.ground.tools.clock.epoch_seconds()) - given.at)
        lines = (
            f"{set_.instance} has moved here: everything that was written before the handover is here",
            f"between the handover and now: {show_seconds(down)}",
            "the old host starts nothing of it again; once all is well, `instancectl destroy` there",
        )
        data: Mapping[str, object] = {
            "set": set_.id,
            "handover": given.id,
            "seconds": round(seconds, 1),
            "since_handover_seconds": down,
        }
        return Result(Status.CHANGED, data, lines, tuple(self._notes))
