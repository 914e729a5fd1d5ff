"""Hands an instance over to a host that follows it, and takes it back as long as nobody took over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instancectl.core.backup import handing, naming, wal
from instancectl.core.backup.handing import Given, Handover
from instancectl.core.result import Result, Status
from instancectl.errors import InstanceError, OperationFailed, Refused
from instancectl.operations.backup import live
from instancectl.operations.backup.ground import Stage
from instancectl.operations.backup.handing import end, write
from instancectl.operations.backup.last_media import LastMedia, last_media
from instancectl.operations.backup.ready import Giving, Ready, follower_line, look, send_all
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.run import Run
from instancectl.operations.backup.writing import Throttle, Writer

COMMAND = "backup handover"
MESSAGE = "We are moving to another server."


def show(giving: Giving, accepted: Sequence[str] = ()) -> Result:
    """What a handover would do; only WAL is sent.

    Raises:
        InstanceError: it would be refused.
    """
    ready = look(giving, accepted)
    local = giving.subject.media is not None
    lines = [
        f"{giving.domain}: handed over through {ready.repository.destination.name}",
        follower_line(giving, ready),
        "then: the maintenance page; Sidekiq, web and streaming end; "
        + ("new media, " if local else "")
        + "the last WAL and Redis are sent; a signed handover is written",
        "this host starts nothing of it again until `instancectl backup handover --undo`",
        "nothing was changed",
    ]
    data = {"place": ready.repository.destination.name, "last": ready.last, "media": local}
    return Result(Status.PLANNED, data, tuple(lines))


def hand_over(giving: Giving, accepted: Sequence[str] = ()) -> Result:
    """Hand over; an earlier run that was killed is gone on with.

    Raises:
        Refused: something is missing, or the follower is too far behind; nothing was changed.
        InstanceError: it went wrong, and everything was started again.
    """
    with giving.here.lock.hold(COMMAND):
        kept = giving.record.load()
        if kept and kept.whole:
            return _told(giving, kept, Status.UNCHANGED, 0.0)
        if kept and not _withdrawn(giving, kept):
            giving.record.save(replace(kept, whole=True))
            return _told(giving, kept, Status.CHANGED, 0.0)
        return _Run(giving, _again(giving, kept) if kept else look(giving, accepted)).run(kept)


def _withdrawn(giving: Giving, kept: Given) -> bool:
    """Withdraw what an earlier run may have written; False when it was taken already."""
    found = end(_place(giving, kept), kept.id, handing.WITHDRAWN)
    return not found.startswith(handing.TAKEN)


def _again(giving: Giving, kept: Given) -> Ready:
    """Of a run that was killed: the page is there already, and the follower was close."""
    last = send_all(giving)
    return Ready(_place(giving, kept), None, giving.outlet.record.load().system, last)


def _place(giving: Giving, kept: Given) -> Repository:
    for repository in giving.outlet.repositories:
        if repository.destination.name == kept.place:
            return repository
    raise Refused(
        f"the handover lies in {kept.place}, which is no destination of backups any more",
        hint="put it into `[backup]` again, and run the same command",
        subject=kept.place,
    )


@dataclass(slots=True)
class _Run:
    """From the maintenance page to the signed handover."""

    giving: Giving
    ready: Ready
    _written: bool = False

    def run(self, kept: Given | None) -> Result:
        """From what an earlier run left, if any.

        Raises:
            InstanceError: it went wrong; everything was started again, or the hint says how.
        """
        giving, clock = self.giving, self.giving.here.tools.clock
        stage, media = giving.here.stage(), self._early_media()
        id_ = naming.set_id(clock.epoch_seconds(), giving.here.tools.sealing.random_hex())
        maintained = kept.maintained if kept else giving.here.state.load().maintenance is not None
        place = self.ready.repository.destination.name
        given = Given(id_, place, int(clock.epoch_seconds()), maintained)
        giving.record.save(given)
        giving.here.journal.write("handover-started", id=id_)
        began = clock.monotonic_seconds()
        try:
            self._give(stage, media, given)
        except InstanceError as error:
            giving.here.journal.write("handover-failed", error=error.message)
            if self._written:
                _withdraw_or_refuse(giving, given)
            _start_again(giving, given)
            error.hint = "\n".join(filter(None, (error.hint, "everything runs here again")))
            raise
        given = replace(given, whole=True)
        giving.record.save(given)
        seconds = clock.monotonic_seconds() - began
        giving.here.journal.write("handover-done", id=id_, seconds=round(seconds, 1))
        return _told(giving, given, Status.CHANGED, seconds)

    def _give(self, stage: Stage, media: LastMedia | None, given: Given) -> None:
        here, note = self.giving.here, self.giving.here.tools.reporter.note
        if not given.maintained:
            stage.deployer.maintenance(MESSAGE)
        note("shows the maintenance page")
        with stage.silenced("handover"):
            workers = live.end(here, stage.config.stack)
        note(f"{', '.join(workers)}, web and streaming have ended")
        last = send_all(self.giving)
        if len(self.giving.outlet.repositories) > 1:
            self._refuse_unsent(last)
        note(f"WAL up to {last} is sent")
        writer = self._writer(given.id)
        parts = [Run(self.giving.subject, here.tools, self.ready.repository).redis(writer)]
        packed = media.pack(writer) if media else None
        config = self.giving.subject.config
        handover = Handover(
            given.id,
            config.instance.domain,
            config.instance.release,
            self.ready.system,
            last,
            int(here.tools.clock.epoch_seconds()),
            (*parts, packed.part) if packed else tuple(parts),
            packed.packs if packed else (),
            packed.media if packed else None,
        )
        self._written = True
        write(self.ready.repository, handover)

    def _early_media(self) -> LastMedia | None:
        """Most of what is new goes before anybody waits for it."""
        media = last_media(self.giving.subject, self.ready.repository)
        if media:
            clock, sealing = self.giving.here.tools.clock, self.giving.here.tools.sealing
            media.pack(self._writer(naming.set_id(clock.epoch_seconds(), sealing.random_hex())))
        return media

    def _writer(self, id_: str) -> Writer:
        tools, backup = self.giving.here.tools, self.giving.subject.config.backup
        # Not slowed down: somebody waits.
        return Writer(
            id_,
            self.ready.repository.destination,
            tools.sealing,
            backup.recipients,
            tools.progress,
            Throttle(tools.clock, 0),
        )

    def _refuse_unsent(self, last: str) -> None:
        """Another destination may have it, and this one may not."""
        prefix = f"{wal.PREFIX}{self.ready.system}/"
        keys = (one.key for one in self.ready.repository.destination.listed(prefix))
        if not any(one.first <= last <= one.last for one in wal.sent_in(keys, naming.SIGNATURE_SUFFIX)):
            raise OperationFailed(
                f"the last WAL, `{last}`, did not get to {self.ready.repository.destination.name}",
                hint="see `instancectl backup send`",
                subject=self.ready.repository.destination.name,
            )


def undo(giving: Giving) -> Result:
    """Start everything again, unless somebody took over.

    Raises:
        Refused: somebody did, or there is no handover.
    """
    with giving.here.lock.hold(COMMAND):
        kept = giving.record.load()
        if kept is None:
            raise Refused(
                f"there is nothing to undo: {giving.domain} was not handed over", subject=giving.domain
            )
        _withdraw_or_refuse(giving, kept)
        _start_again(giving, kept)
    line = f"{giving.domain} runs here again; whoever follows goes on following"
    return Result(Status.CHANGED, {"id": kept.id}, (line,))


def _withdraw_or_refuse(giving: Giving, kept: Given) -> None:
    if not _withdrawn(giving, kept):
        raise Refused(
            f"cannot take {giving.domain} back: another host took over, and what was written there is not "
            "here; nothing was changed",
            hint="follow that host from here to come back; `instancectl destroy` clears this one",
            subject=giving.domain,
        )


def _start_again(giving: Giving, kept: Given) -> None:
    stage = giving.here.stage()
    stage.deployer.deploy(COMMAND)
    if not kept.maintained:
        stage.deployer.maintenance(None)
    giving.record.remove()
    giving.here.journal.write("handover-undone", id=kept.id)


def _told(giving: Giving, given: Given, status: Status, seconds: float) -> Result:
    lines = [
        f"{giving.domain} is handed over: whoever follows takes over now",
        "this host answers with the maintenance page, and starts nothing of it again",
        "to go back, as long as nobody took over: `instancectl backup handover --undo`",
    ]
    data = {"id": given.id, "place": given.place, "seconds": round(seconds, 1)}
    return Result(status, data, tuple(lines))
