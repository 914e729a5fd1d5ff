"""Restoring into an instance that is there: refuse, stop, go back, let go."""

from __future__ import annotations

from dataclasses import replace

from instancectl.core.backup import restoring
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.restoring import OTHER_SECRETS, Phase, Record
from instancectl.core.config import InstanceConfig
from instancectl.core.releases import parse_version
from instancectl.core.result import Result, Status
from instancectl.errors import OperationFailed, Refused, Unreachable
from instancectl.operations.backup.ground import Ground, Here, Stage, Wish

MEDIA_VOLUME, REDIS_VOLUME = "media", "redis"
CACHE = frozenset({"cache"})
"""Copies of other servers' media are in no set: they stay."""

DATA = frozenset({"db", MEDIA_VOLUME, REDIS_VOLUME})
"""Volumes whose content nobody can make again."""

GONE_SECONDS = 150
POLL_SECONDS = 0.5


def continued(here: Here, wish: Wish) -> tuple[Record | None, Wish]:
    """The restore that an earlier run began, and the wish for it; None when there is none.

    Raises:
        Refused: it is one of another set, or what was before it is still kept.
    """
    record = here.record.load()
    if record is None or record.undone:
        return None, wish
    if not record.running:
        if not record.kept:
            return None, wish
        raise Refused(
            f"what was there before the restore of `{record.set}` is still kept; nothing was changed",
            hint="`instancectl restore finish` lets it go, `instancectl restore undo` goes back to it",
            subject=record.set,
        )
    if wish.set_id not in {"latest", record.set}:
        raise Refused(
            f"a restore of `{record.set}` has begun and not ended; nothing was changed",
            hint=f"go on with `--set {record.set}`, or give it up with `instancectl restore undo`",
            subject=record.set,
        )
    if wish.follow != record.follow:
        raise Refused(
            f"a restore of `{record.set}` {'that follows ' if record.follow else ''}has begun and not ended; "
            "nothing was changed",
            hint=f"go on {'with' if record.follow else 'without'} `--follow`, or give it up with "
            "`instancectl restore undo`",
            subject=record.set,
        )
    if wish.at not in {"", record.at}:
        raise Refused(
            f"a restore of {record.at or f'`{record.set}`'} has begun and not ended; nothing was changed",
            hint="go on without `--at`, or give it up with `instancectl restore undo`",
            subject=record.set,
        )
    last = f"after `{record.done[-1]}`" if record.done else "at its beginning"
    here.tools.reporter.note(f"goes on with the restore of {record.set}, which was interrupted {last}")
    return record, replace(wish, set_id=record.set, at=record.at)


def refuse_live(ground: Ground, config: InstanceConfig, set_: BackupSet, wish: Wish) -> bool:
    """Whether an instance is here, which the set would be put beside.

    Raises:
        Refused: one is, and nobody asked for that; or it does not fit to the set.
    """
    observed = ground.swarm.observe(config.stack)
    if not (observed.services or DATA & observed.volumes):
        return False
    if not wish.beside:
        raise Refused(
            f"cannot restore here: {config.instance.domain} is on this host already; nothing was changed",
            hint="to put the set beside it, prove it, and swap: `--side-by-side`; nothing is removed by that",
            subject=config.instance.domain,
        )
    stage = ground.stage()
    _refuse_older(stage.config, set_)
    others = restoring.other_secrets(ground.opener.about(set_)["secrets"], stage.fingerprints)
    if others and OTHER_SECRETS not in wish.accepted:
        raise Refused(
            f"`{set_.id}` was made with another `{others[0]}`: "
            "what its database encrypts is not readable here",
            hint=f"`instancectl backup get secrets` has those of the set; or `--accept-risk {OTHER_SECRETS}`",
            subject=others[0],
        )
    return True


def _refuse_older(config: InstanceConfig, set_: BackupSet) -> None:
    ours, theirs = parse_version(config.instance.release), parse_version(set_.release)
    if ours and theirs and theirs > ours:
        raise Refused(
            f"`{set_.id}` has the schema of Mastodon {set_.release}, "
            f"this instance runs {config.instance.release}; nothing was changed",
            hint=f"set `instance.release` to {set_.release}, or choose an earlier set",
            subject="instance.release",
        )


def clear(stage: Stage) -> None:
    """Remove what an earlier restore, taken back since, left beside."""
    if stage.media is not None:
        stage.volumes.drop(MEDIA_VOLUME)
    stage.volumes.drop(REDIS_VOLUME)


def stop(here: Here, stage: Stage) -> str:
    """End what writes to database, media and Redis; services come again from their settings.

    Sidekiq goes first: it puts unfinished jobs back into Redis, which is kept.
    """
    with stage.silenced("restore"):
        workers = end(here, stage.config.stack, REDIS_VOLUME)
    return f"{', '.join(workers)}, web, streaming and redis have ended"


def end(here: Here, stack: str, *others: str) -> list[str]:
    """Remove the services that write, Sidekiq first, then others; returns Sidekiq's, once all have ended."""
    names = here.swarm.observe(stack).services
    workers = sorted(name for name in names if name.startswith("sidekiq"))
    for group in (workers, ["web", "streaming"], others):
        for name in group:
            here.swarm.remove(stack, "service", name)
        for name in group:
            _wait_until_gone(here, stack, name)
    return workers


def _wait_until_gone(here: Here, stack: str, service: str) -> None:
    clock = here.tools.clock
    deadline = clock.monotonic_seconds() + GONE_SECONDS
    while True:
        try:
            here.swarm.run_in(stack, service, ("true",))
        except (Unreachable, OperationFailed):
            return  # no replica runs here, or it is ending
        if clock.monotonic_seconds() > deadline:
            raise OperationFailed(
                f"`{service}` does not end", hint="run the same command again", subject=service
            )
        clock.sleep(POLL_SECONDS)


def undo(here: Here) -> Result:
    """Go back to what was there before; what was restored is put beside, until `finish`.

    Raises:
        Refused: nothing is kept.
    """
    with here.lock.hold("restore undo"):
        record = here.record.load()
        if record and record.follow and not record.is_done(Phase.TAKE):
            return _follow_no_more(here, record)
        if record is None or not record.beside:
            raise Refused(
                "there is nothing to go back to: no restore into a live instance was made here",
                hint="an instance that was restored on an empty host is removed with `instancectl destroy`",
            )
        stage = here.stage()
        if record.kept:
            _go_back(here, stage, record)
        here.record.save(replace(record, undone=True))
        stage.deployer.deploy("restore undo")
        here.journal.write("restore-undone", set=record.set)
    lines = (
        f"{stage.config.instance.domain} is again what it was before {record.set} was restored",
        "what was restored lies beside it until `instancectl restore finish`",
    )
    return Result(Status.CHANGED, {"set": record.set}, lines)


def _follow_no_more(here: Here, record: Record) -> Result:
    """Nothing was taken: the old host does not notice."""
    stage = here.stage() if record.is_done(Phase.SETTINGS) else None
    if stage and stage.follower:
        stage.follower.sweep()
    here.desk.remove()
    here.record.remove()
    here.journal.write("restore-undone", set=record.set)
    line = "nobody is followed here any more; `instancectl destroy` removes what was prepared"
    return Result(Status.CHANGED, {"set": record.set}, (line,))


def _go_back(here: Here, stage: Stage, record: Record) -> None:
    stop(here, stage)
    stage.database.swap_back()
    if stage.media is not None:
        stage.volumes.set_back(MEDIA_VOLUME, CACHE)
    stage.volumes.set_back(REDIS_VOLUME, frozenset())
    before, after = record.schema
    here.state.save(replace(here.state.load(), schema_before=before, schema_after=after, verified=""))


def finish(here: Here) -> Result:
    """Let go of what was there before a restore, or of what was restored and taken back.

    Raises:
        Refused: a restore has not ended.
    """
    with here.lock.hold("restore finish"):
        record = here.record.load()
        if record is None:
            return Result(Status.UNCHANGED, {"set": None}, ("nothing is kept of any restore",))
        if record.running:
            raise Refused(
                f"the restore of `{record.set}` has not ended; nothing was removed",
                hint="run the same `instancectl restore …` again, or `instancectl restore undo`",
                subject=record.set,
            )
        tidy(here, here.stage())
        here.journal.write("restore-finished", set=record.set)
    return Result(Status.CHANGED, {"set": record.set}, ("what was kept of the restore is removed",))


def tidy(here: Here, stage: Stage) -> None:
    """Remove everything that lies beside, the record last."""
    stage.database.drop()
    clear(stage)
    here.desk.remove()
    here.record.remove()
