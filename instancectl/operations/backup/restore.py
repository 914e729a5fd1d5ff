"""Restores a set: on an empty host, or beside a live instance; nothing is removed before it is replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from instancectl.core.applied import Applied
from instancectl.core.backup import moment, reaching, restoring
from instancectl.core.backup.moment import Moment
from instancectl.core.backup.reaching import Reach
from instancectl.core.backup.restoring import MEDIA, Phase, Record
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes, show_seconds
from instancectl.errors import InstanceError, Refused
from instancectl.operations.backup import live, redis_back, settings
from instancectl.operations.backup.choosing import Chosen, choose
from instancectl.operations.backup.ground import Ground, Stage, Wish
from instancectl.operations.backup.live import CACHE, MEDIA_VOLUME, REDIS_VOLUME
from instancectl.operations.backup.media_back import MediaBack
from instancectl.operations.backup.rolling import extra_bytes

_SAID = {
    Phase.SETTINGS: "settings and secrets",
    Phase.DATA: "PostgreSQL, empty",
    Phase.READY: "networks, images and volumes",
    Phase.BASE: "a copy of PostgreSQL, which follows",
    Phase.DATABASE: "database, beside the present one",
    Phase.MEDIA: "media, beside the present ones",
    Phase.FOLLOW: "follow, until the old host hands over",
    Phase.REST: "everything up to the handover",
    Phase.TAKE: "take over",
    Phase.STOP: "stop what writes",
    Phase.SWAP: "put what was restored in place",
    Phase.START: "everything but Sidekiq",
    Phase.JOBS: "Sidekiq, and a look from outside",
    Phase.FEEDS: "home timelines",
}


def show(ground: Ground, wish: Wish) -> Result:
    """What a restore would do; nothing is changed.

    Raises:
        InstanceError: it would be refused.
    """
    reach, wish = _reached(ground, wish)
    chosen = choose(ground.repository, ground.opener, wish.set_id, wish.accepted)
    ground.opener.about(chosen.set)  # the kit really opens it
    found, free = _needs(chosen, reach), ground.free_bytes()
    now = ground.tools.clock.epoch_seconds()
    since, what = (reach.until, "that moment") if reach else (chosen.set.created, "it was made")
    lines = [
        f"{chosen.set.id} of {chosen.set.instance} {chosen.set.release}: {chosen.known.verdict.word}",
        *restoring.needs_lines(chosen.set, found, free),
        *(reaching.lines(reach) if reach else ()),
        f"lost: what happened since {what}, {restoring.lost(since, now)}",
    ]
    if chosen.missing:
        lines.append(f"lost as well: media in {len(chosen.missing)} packs that are missing")
    data = {
        "set": chosen.set.id,
        "verdict": chosen.known.verdict.word,
        "fetch_bytes": found.fetch_bytes,
        "disk_bytes": found.disk_bytes,
        "free_bytes": free,
        "seconds": round(found.seconds),
        "lost_seconds": max(0, int(now) - since),
        "at": Moment(reach.until).text if reach else None,
    }
    return Result(Status.PLANNED, data, (*lines, "nothing was changed"))


def restore(ground: Ground, wish: Wish) -> Result:
    """Restore, or go on with what an earlier run began.

    Raises:
        Refused: an instance is live here, or the set cannot be proven; nothing was changed.
        InstanceError: a phase failed; the same command goes on from there.
    """
    with ground.lock.hold("restore"):
        record, wish = live.continued(ground, wish)
        reach, wish = _reached(ground, wish)
        chosen = choose(ground.repository, ground.opener, wish.set_id, wish.accepted)
        if record is None:
            record = _begin(ground, wish, chosen, reach)
        return carried_out(Run(ground, wish, chosen, record, reach))


def carried_out(run: Run) -> Result:
    """Its result; an error is in the journal, too."""
    ground, set_id = run.ground, run.record.set
    try:
        return run.run()
    except BaseException as error:
        message = error.message if isinstance(error, InstanceError) else type(error).__name__
        ground.journal.write("restore-failed", set=set_id, error=message)
        if isinstance(error, InstanceError) and run.record.kept:
            error.hint = "\n".join(filter(None, (error.hint, "`instancectl restore undo` goes back")))
        raise


def _reached(ground: Ground, wish: Wish) -> tuple[Reach | None, Wish]:
    """How the moment is reached, and the wish with the set that the rest comes from."""
    if not wish.at:
        return None, wish
    reach = ground.rolling.reach(moment.parse(wish.at), wish.set_id)
    return reach, replace(wish, set_id=reach.rest.id)


def _needs(chosen: Chosen, reach: Reach | None) -> restoring.Needs:
    found = restoring.needs(chosen.set, float(chosen.known.verdict.drilled_seconds))
    if reach is None:
        return found
    return replace(found, disk_bytes=found.disk_bytes + extra_bytes(reach))


def _begin(ground: Ground, wish: Wish, chosen: Chosen, reach: Reach | None) -> Record:
    config = ground.understood(settings.instance_file(ground.opener.files(chosen.set)))
    beside = live.refuse_live(ground, config, chosen.set, wish)
    refuse_small(ground, chosen, _needs(chosen, reach))
    if reach:
        ground.rolling.refuse_version(reach)
    if beside:
        live.clear(ground.stage())
    record = Record(chosen.set.id, beside, int(ground.tools.clock.epoch_seconds()), at=wish.at)
    ground.desk.remove()
    ground.record.save(record)
    ground.journal.write("restore-started", set=chosen.set.id, beside=beside)
    return record


def refuse_small(ground: Ground, chosen: Chosen, found: restoring.Needs) -> None:
    """There must be room.

    Raises:
        Refused: there is not; nothing was changed.
    """
    free = ground.free_bytes()
    if free is not None and free < found.disk_bytes:
        raise Refused(
            f"cannot restore `{chosen.set.id}`: it needs {show_bytes(found.disk_bytes)} on disk, "
            f"{show_bytes(free)} are free; nothing was changed",
            hint="make room, or restore on a host with a larger disk",
            subject="disk",
        )


@dataclass(slots=True)
class Run:
    """One run through the phases."""

    ground: Ground
    wish: Wish
    chosen: Chosen
    record: Record
    reach: Reach | None = None
    _notes: list[str] = field(default_factory=list)
    _stage: Stage | None = None

    def run(self) -> Result:
        """Every phase that is not done.

        Raises:
            InstanceError: one failed; the next run goes on with it.
        """
        began = self.ground.tools.clock.monotonic_seconds()
        phases = self._phases()
        for number, (phase, what) in enumerate(phases.items(), 1):
            if not self.record.is_done(phase):
                self._one(phase, what, number, len(phases))
        seconds = self.ground.tools.clock.monotonic_seconds() - began
        self.tidy()
        set_, now = self.chosen.set, self.ground.tools.clock.epoch_seconds()
        self._remember(now, seconds)
        self.ground.journal.write(
            "restore-done", set=set_.id, seconds=round(seconds, 1), lost_seconds=int(now) - self._since
        )
        return self._result(seconds, restoring.lost(self._since, self.record.began))

    def tidy(self) -> None:
        """Leave nothing behind but what `undo` needs."""
        if not self.record.beside:
            live.tidy(self.ground, self.stage)
        self.ground.desk.remove()

    @property
    def _since(self) -> int:
        """What was committed later is not in it."""
        return self.reach.until if self.reach else self.chosen.set.created

    def _remember(self, now: float, seconds: float) -> None:
        """A set that was restored is proven better than by any drill."""
        created = self.chosen.set.created
        self.ground.figures.change(
            lambda kept: replace(
                kept,
                success=max(kept.success, created),
                bytes=self.chosen.set.size,
                copies=max(kept.copies, 1),
                verified=now,
                verify_ok=True,
                drilled=now,
                rto_seconds=round(seconds, 1),
            )
        )

    def _phases(self) -> dict[Phase, Callable[[], str]]:
        fresh = {Phase.SETTINGS: self._settings} if not self.record.beside else {}
        beside = {Phase.STOP: self._stop} if self.record.beside else {}
        return {
            **fresh,
            Phase.DATA: self._data,
            Phase.DATABASE: self._database,
            Phase.MEDIA: self._media,
            **beside,
            Phase.SWAP: self._swap,
            Phase.START: self._start,
            Phase.JOBS: self._jobs,
            Phase.FEEDS: self._feeds,
        }

    def _one(self, phase: Phase, what: Callable[[], str], number: int, of: int) -> None:
        tools = self.ground.tools
        tools.reporter.step_started(number, of, _SAID[phase])
        began = tools.clock.monotonic_seconds()
        try:
            said = what()
        except BaseException:
            tools.reporter.step_failed(_SAID[phase])
            raise
        self._save(self.record.with_done(phase))
        self.ground.journal.write("restore-phase", set=self.record.set, phase=phase.value)
        tools.reporter.step_done(_SAID[phase], said, tools.clock.monotonic_seconds() - began)

    def _save(self, record: Record) -> None:
        self.record = record
        self.ground.record.save(record)

    @property
    def stage(self) -> Stage:
        """The instance; its settings are here by now."""
        if self._stage is None:
            self._stage = self.ground.stage()
        return self._stage

    def _settings(self) -> str:
        self._notes += settings.put(self.ground, self.chosen.set)
        return self.ground.files.location

    def _data(self) -> str:
        self.stage.deployer.start("restore", lambda name: name == "db")
        return ""

    def _database(self) -> str:
        if self.reach:
            rolling, reach = self.ground.rolling, self.reach
            said = self.stage.database.revive(lambda write: rolling.roll(reach, write))
            return f"as of {Moment(reach.until).text}: {said}"
        return self.stage.database.restore(self.ground.opener, self.chosen.set)

    def _media(self) -> str:
        # By default Redis begins empty: what waited then was delivered since, or must not be any more.
        if self.wish.redis:
            redis_back.stage(self.ground.opener, self.chosen.set, self.stage.volumes)
        target = self.stage.media
        if target is None or self.chosen.set.part(MEDIA) is None:
            return "none in this set"
        back = MediaBack(
            self.ground.opener,
            self.ground.desk,
            target,
            set(self.chosen.missing),
            accept=restoring.MISSING_MEDIA in self.wish.accepted,
        )
        return back.run(self.chosen.set)

    def _stop(self) -> str:
        return live.stop(self.ground, self.stage)

    def _swap(self) -> str:
        stage, applied = self.stage, self.ground.state.load()
        if self.record.beside and not self.record.kept:
            # Remembered before anything moves: this is what `restore undo` goes back to.
            self._save(replace(self.record, kept=True, schema=(applied.schema_before, applied.schema_after)))
        stage.database.swap()
        if stage.media is not None and self.chosen.set.part(MEDIA):
            stage.volumes.set_in(MEDIA_VOLUME, CACHE)
        stage.volumes.set_in(REDIS_VOLUME, frozenset())
        recorded = settings.recorded(self.ground.opener.files(self.chosen.set))
        self.ground.state.save(with_schema(applied, recorded))
        return "the earlier ones are kept" if self.record.beside else ""

    def _start(self) -> str:
        self.stage.deployer.start("restore", lambda name: not name.startswith("sidekiq"))
        return ""

    def _jobs(self) -> str:
        self.stage.deployer.deploy("restore")
        return ""

    def _feeds(self) -> str:
        """The instance is restored by now: what fails here is said, and can be typed again."""
        if self.wish.redis:
            return "came with Redis"
        try:
            code, said = self.stage.deployer.once("feeds", restoring.BUILD_FEEDS, restoring.BUILD_SECONDS)
        except InstanceError as error:
            code, said = 1, error.message
        if code:
            last = said.strip().rpartition("\n")[2]
            self._notes.append(
                f"home timelines are not filled ({last}): `instancectl tootctl feeds build --all` does that"
            )
            return "not filled"
        return "filled again"

    def _result(self, seconds: float, lost: str) -> Result:
        set_ = self.chosen.set
        as_of = f" as of {Moment(self.reach.until).text}" if self.reach else ""
        lines = [
            f"{set_.instance} is restored{as_of} from {set_.id} in {show_seconds(seconds)}",
            f"lost: {lost} before the restore began",
        ]
        if self.record.beside:
            lines.append(
                "what was there before is kept: `instancectl restore undo` goes back to it, "
                "`instancectl restore finish` removes it"
            )
        notes = list(self._notes)
        if not self.wish.redis:
            notes.append(
                "jobs that waited when the set was made were not restored: nothing is delivered twice"
            )
        data: Mapping[str, object] = {
            "set": set_.id,
            "seconds": round(seconds, 1),
            "beside": self.record.beside,
            "kept": self.record.kept,
            "at": Moment(self.reach.until).text if self.reach else None,
        }
        return Result(Status.CHANGED, data, tuple(lines), tuple(notes))


def with_schema(applied: Applied, recorded: Applied) -> Applied:
    """What was set up here, with the schema that another database has."""
    return replace(
        applied, schema_before=recorded.schema_before, schema_after=recorded.schema_after, verified=""
    )
