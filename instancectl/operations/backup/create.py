"""Makes a set where a destination answers, copies it to the others, and looks whether it arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from instancectl.core.backup import naming
from instancectl.core.backup.format_text import format_text
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.verdict import Level, Proof, judge_presence
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes, show_seconds
from instancectl.errors import InstanceError, OperationFailed, Partial
from instancectl.operations.backup.place import Place
from instancectl.operations.backup.repository import Repository
from instancectl.operations.backup.run import Run
from instancectl.operations.backup.subject import SMALLER, Made, Subject, Tools

UNFINISHED_SECONDS = 3_600
"""Younger unfinished objects may be a proof that somebody writes from another machine."""


Failures = list[tuple[Repository, InstanceError]]


def create(subject: Subject, tools: Tools, place: Place, accepted: tuple[str, ...] = ()) -> Result:
    """Make one set.

    Raises:
        Partial: it exists, but not everywhere, is not to be trusted, or no moment begins with it.
        InstanceError: there is no new set; earlier ones are untouched.
    """
    with place.lock.hold("backup create"):
        place.journal.write("backup-started")
        place.figures.change(lambda kept: replace(kept, attempt=tools.clock.epoch_seconds()))
        try:
            made, failures, copies = _everywhere(subject, tools, place.repositories, accepted)
        except InstanceError as error:
            place.journal.write("backup-failed", error=error.message)
            raise
        except BaseException as error:
            place.journal.write("backup-failed", error=type(error).__name__)
            raise
        troubles = _troubles(made, failures)
        _remember(place, made, copies, trusted=not troubles)
        told = [*troubles, *_baseless(made)]
        place.journal.write(
            "backup-done" if not troubles else "backup-failed",
            set=made.set.id,
            seconds=round(made.seconds, 1),
            bytes=made.set.size,
            **({"error": told[0]} if told else {}),
        )
    if told:
        raise Partial(
            f"the set `{made.set.id}` exists in {made.where}, but {'; '.join(told)}",
            hint=_hint(made, failures),
            subject=made.set.id,
        )
    return _result(made, subject.rising)


def _everywhere(
    subject: Subject, tools: Tools, repositories: Sequence[Repository], accepted: tuple[str, ...]
) -> tuple[Made, Failures, list[Repository]]:
    first, others, failures = _answering(repositories, tools)
    made = _prove(Run(subject, tools, first, accepted).make(), first, tools)
    copies = [first]
    for other in others:
        try:
            _copy(made.set, first, other, tools)
        except InstanceError as error:
            failures.append((other, error))
        else:
            copies.append(other)
    return made, failures, copies


def _remember(place: Place, made: Made, copies: Sequence[Repository], *, trusted: bool) -> None:
    """For metrics: only what arrived everywhere and is trusted counts as a success."""
    created = made.set.created
    place.figures.change(lambda kept: replace(kept, base_ok=not made.baseless))
    outside = any(one.destination.off_site for one in copies) and not made.faults
    if outside:
        place.figures.change(lambda kept: replace(kept, offsite=created))
    if trusted:
        place.figures.change(
            lambda kept: replace(
                kept,
                success=created,
                seconds=round(made.seconds, 1),
                bytes=made.set.size,
                copies=len(copies),
                verified=created,
                verify_ok=True,
                base=made.set.base or kept.base,
            )
        )


def _answering(
    repositories: Sequence[Repository], tools: Tools
) -> tuple[Repository, list[Repository], Failures]:
    """The first that takes objects, the rest of those that do, and those that do not."""
    able: list[Repository] = []
    failures: Failures = []
    for one in repositories:
        try:
            one.destination.abandon(UNFINISHED_SECONDS)
            _store_format(one)
        except InstanceError as error:
            failures.append((one, error))
            tools.reporter.note(f"left out {one.destination.name}: {error.message}")
        else:
            able.append(one)
    if not able:
        raise failures[0][1]
    return able[0], able[1:], failures


def _store_format(repository: Repository) -> None:
    if not any(one.key == naming.FORMAT_KEY for one in repository.destination.listed(naming.FORMAT_KEY)):
        repository.store(naming.FORMAT_KEY, format_text().encode())


def _copy(set_: BackupSet, source: Repository, target: Repository, tools: Tools) -> None:
    """Copy what a set needs, encrypted as it is: no key is needed, and nothing is dumped twice."""
    began = tools.clock.monotonic_seconds()
    sizes = {one.key: one.size for one in target.destination.listed()}
    copied = 0
    for one in set_.objects:
        if sizes.get(one.key) == one.size:
            continue
        hasher = tools.sealing.hasher()
        with target.destination.create(one.key) as sink:
            for piece in source.destination.read(one.key):
                hasher.update(piece)
                sink.write(piece)
            if hasher.hexdigest() != one.blake3:
                raise OperationFailed(
                    f"`{one.key}` in {source.destination.name} is not what was written", subject=one.key
                )
        copied += one.size
    target.write_set(set_)
    faults = _prove_in(set_, target, tools)
    if faults:
        raise OperationFailed(f"the copy is damaged: {faults[0]}", subject=set_.id)
    seconds = tools.clock.monotonic_seconds() - began
    tools.reporter.step_done(f"copy to {target.destination.name}", show_bytes(copied), seconds)


def _prove(made: Made, repository: Repository, tools: Tools) -> Made:
    return replace(made, faults=_prove_in(made.set, repository, tools))


def _prove_in(written: BackupSet, repository: Repository, tools: Tools) -> tuple[str, ...]:
    """Look whether the set arrived whole, and store the judgement."""
    set_, digest = repository.read_set(written.id)
    sizes = {one.key: one.size for one in repository.destination.listed()}
    faults = judge_presence(set_, sizes)
    if set_ != written:
        faults = (*faults, "the stored description differs from the one that was written")
    at = int(tools.clock.epoch_seconds())
    repository.write_proof(Proof(set_.id, digest, Level.PRESENT, at, faults))
    return faults


def _troubles(made: Made, failures: Failures) -> list[str]:
    return [
        *made.faults,
        *made.set.doubts,
        *(f"not in {repository.destination.name}: {error.message}" for repository, error in failures),
    ]


def _baseless(made: Made) -> list[str]:
    """No doubt about the set itself: it counts."""
    return [f"no moment begins with it: {made.baseless}"] if made.baseless else []


def _hint(made: Made, failures: Failures) -> str:
    if made.set.doubts:
        return (
            "earlier sets stay as long as this one is doubted; if the data really shrank, "
            f"run `instancectl backup create --accept-risk {SMALLER}`"
        )
    if failures:
        return failures[0][1].hint or "repair that destination; the next run copies the set there"
    if made.baseless and not made.faults:
        return (
            "the next run tries again, and so does `instancectl backup create`; "
            "until then, moments begin with the set before"
        )
    return f"see `instancectl backup verify {made.set.id}`"


def _result(made: Made, rising: Sequence[str]) -> Result:
    set_, media = made.set, made.set.media
    size, new = show_bytes(set_.size), show_bytes(made.written_bytes)
    lines = [
        f"backup set {set_.id}: {size} in {made.where}, {new} of it new, {show_seconds(made.seconds)}",
        "it is listed whole, and signed; `instancectl backup verify --read` reads every byte of it back",
    ]
    notes = []
    if media.left_out_files:
        notes.append(
            f"left out: {media.left_out_files} files of other servers ({show_bytes(media.left_out_bytes)}), "
            "which Mastodon fetches again"
        )
    if media.storage == "s3":
        notes.append("media stay in their bucket and are not part of this set")
    if rising:
        notes.append(
            f"{', '.join(f'`{name}`' for name in rising)} may write after this set: to move for good, remove "
            "what runs (`docker compose rm --stop --force web streaming sidekiq`), and make another one"
        )
    if made.unsettled:
        notes.append(f"changed while they were read, so left out: {', '.join(made.unsettled[:5])}")
    if made.strange:
        notes.append(f"neither files nor links, so left out: {', '.join(made.strange)}")
    return Result(Status.CHANGED, as_json(made), tuple(lines), tuple(notes))


def as_json(made: Made) -> dict[str, object]:
    """The answer for scripts."""
    set_, media = made.set, made.set.media
    return {
        "set": set_.id,
        "destination": made.where,
        "bytes": set_.size,
        "new_bytes": made.written_bytes,
        "seconds": round(made.seconds, 1),
        "parts": [
            {"name": part.name, "bytes": part.size, "plain_bytes": part.plain_bytes} for part in set_.parts
        ],
        "media": {
            "files": media.files,
            "bytes": media.bytes,
            "new_files": media.new_files,
            "new_bytes": media.new_bytes,
            "left_out_files": media.left_out_files,
            "left_out_bytes": media.left_out_bytes,
        },
        "unsettled": list(made.unsettled),
    }
