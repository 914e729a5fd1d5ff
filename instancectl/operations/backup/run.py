"""One run into one destination: database first, media after, the signed description last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

from instancectl.core.backup import database, doubt, naming, receiving, tar
from instancectl.core.backup.model import BackupSet, Media, Part, Previous, StoredObject, canonical
from instancectl.core.backup.wal import Base
from instancectl.core.units import MIB, show_bytes
from instancectl.errors import InstanceError, OperationFailed, Refused
from instancectl.operations.backup import media as packing
from instancectl.operations.backup.repository import Contents, Repository
from instancectl.operations.backup.subject import EMPTY_MEDIA, SMALLER, Made, Subject, Tools
from instancectl.operations.backup.writing import SEGMENT_BYTES, Throttle, Writer
from instancectl.ports.media_source import MediaSource

STEPS = 5
"""Database, roles, configuration, Redis, media; and the cluster's files where moments are wanted."""

DUMP = "database.dump.zst.age"
BASE_NAME = "base.tar"
BASE_MAGIC = b"backup_label\0"
"""What the archive of a base begins with (basebackup.c)."""


@dataclass(slots=True)
class Run:
    """One run into one destination."""

    subject: Subject
    tools: Tools
    repository: Repository
    accepted: tuple[str, ...] = ()
    segment_bytes: int = SEGMENT_BYTES
    pack_bytes: int = packing.PACK_BYTES
    _parts: list[Part] = field(default_factory=list)
    _number: int = 0

    def make(self) -> Made:
        """Make a set.

        Raises:
            InstanceError: any part failed; there is no new set then, and earlier ones are untouched.
        """
        clock = self.tools.clock
        began, created = clock.monotonic_seconds(), int(clock.epoch_seconds())
        contents = self.repository.look()
        set_id = naming.set_id(created, self.tools.sealing.random_hex())
        writer = self._writer(set_id)
        last = contents.newest
        told = self._database(writer, last.set if last else None)
        base, baseless = self._base_or_why(writer)
        self._small_parts(writer)
        packed = self._media(writer, contents)
        self._about(writer, told)
        set_ = self._set(set_id, created, packed, contents)
        set_ = replace(set_, base=base, doubts=self._doubts(set_, contents))
        self.repository.write_set(set_)
        if packed:
            self.subject.index.keep()
        return Made(
            set_,
            self.repository.destination.name,
            clock.monotonic_seconds() - began,
            writer.written,
            unsettled=packed.unsettled if packed else (),
            strange=self.subject.media.strange() if self.subject.media else (),
            baseless=baseless,
        )

    def _writer(self, set_id: str) -> Writer:
        backup = self.subject.config.backup
        return Writer(
            set_id,
            self.repository.destination,
            self.tools.sealing,
            backup.recipients,
            self.tools.progress,
            Throttle(self.tools.clock, backup.bandwidth_mib * MIB),
            self.segment_bytes,
        )

    def _database(self, writer: Writer, last: BackupSet | None) -> database.Dumped:
        before = last.part(DUMP) if last else None
        stack = self.subject.config.stack
        with (
            self._step("database") as note,
            self.subject.streams.start(stack, "db", self.subject.commands.dump) as running,
        ):
            part = writer.part(
                "database.dump",
                _expecting(running.output(), database.DUMP_MAGIC, "pg_dump", lambda: running.said),
                expected_bytes=before.plain_bytes if before else 0,
            )
            told = database.read(running.said, running.code())
            if trouble := doubt.lost_rows(told.rows):
                raise OperationFailed(trouble, subject="db")
            note.done(part, f"{sum(told.rows.values())} rows in {len(told.rows)} tables")
        return told

    def _base_or_why(self, writer: Writer) -> tuple[Base | None, str]:
        """Without a base the set restores all but moments: what fails here fails nothing else."""
        if not self.subject.with_base:
            return None, ""
        try:
            return self._base(writer), ""
        except InstanceError as error:
            with suppress(InstanceError):  # a full disk is wanted by the other parts
                for one in list(writer.destination.listed(naming.part_key(writer.set_id, BASE_NAME))):
                    writer.destination.delete(one.key)
            return None, error.message

    def _base(self, writer: Writer) -> Base:
        stack = self.subject.config.stack
        with (
            self._step("files of PostgreSQL") as note,
            self.subject.streams.start(stack, "db", receiving.BASE) as running,
        ):
            part = writer.part(
                BASE_NAME,
                _expecting(running.output(), BASE_MAGIC, "pg_basebackup", lambda: running.said),
            )
            base = receiving.base(running.said, running.code())
            note.done(part)
        return base

    def _small_parts(self, writer: Writer) -> None:
        commands = self.subject.commands
        with self._step("roles of PostgreSQL") as note:
            note.done(self._command(writer, "globals.sql", "db", commands.globals, b"--"))
        with self._step("configuration and secrets") as note:
            note.done(writer.part("configuration.tar", _archive(self.subject.files)))
        with self._step("Redis") as note:
            note.done(self.redis(writer))

    def redis(self, writer: Writer) -> Part:
        """What is in Redis."""
        argv = self.subject.commands.redis
        return self._command(writer, "redis.rdb", "redis", argv, database.REDIS_MAGIC)

    def _command(self, writer: Writer, name: str, service: str, argv: tuple[str, ...], magic: bytes) -> Part:
        with self.subject.streams.start(self.subject.config.stack, service, argv) as running:
            part = writer.part(name, _expecting(running.output(), magic, name, lambda: running.said))
            if code := running.code():
                raise OperationFailed(
                    f"`{name}` ended with {code}{database.why(running.said)}", subject=service
                )
            return part

    def _media(self, writer: Writer, contents: Contents) -> packing.Packed | None:
        source = self.subject.media
        if source is None:
            return None
        last = contents.newest.set if contents.newest else None
        with self._step("media") as note:
            run = packing.MediaRun(
                source,
                self.subject.index,
                writer,
                usable_packs(contents),
                max(map(naming.pack_sequence, contents.listed), default=0),
                self.pack_bytes,
            )
            packed = run.run(expected_bytes=self._media_bytes(source))
            if last and last.media.files and not packed.media.files and EMPTY_MEDIA not in self.accepted:
                raise Refused(
                    f"cannot back up media: `{source.place}` is empty, and the last set has "
                    f"{last.media.files} files",
                    hint="is its disk mounted? if they are really gone, add `--accept-risk empty-media`",
                    subject=source.place,
                )
            left_out_files, left_out_bytes = source.left_out()
            packed.media = replace(packed.media, left_out_files=left_out_files, left_out_bytes=left_out_bytes)
            note.done(packed.part, _media_line(packed.media))
        return packed

    def _media_bytes(self, source: MediaSource) -> int:
        """What a first run will read; 0 for later ones, which read little and would only walk twice."""
        if next(self.subject.index.known(), None) is not None:
            return 0
        return sum(file.size for file in source.walk())

    def _about(self, writer: Writer, told: database.Dumped) -> None:
        about: dict[str, Any] = {
            "postgres": told.version,
            "rows": told.rows,
            "secrets": dict(self.subject.fingerprints),
            "images": dict(self.subject.images),
        }
        self._parts.append(writer.part("about.json", [canonical(about)]))

    def _set(self, set_id: str, created: int, packed: packing.Packed | None, contents: Contents) -> BackupSet:
        config, newest = self.subject.config, contents.newest
        return BackupSet(
            id=set_id,
            instance=config.instance.domain,
            created=created,
            tool=self.subject.tool,
            release=config.instance.release,
            recipients=config.backup.recipients,
            parts=tuple(self._parts),
            packs=packed.packs if packed else (),
            media=packed.media if packed else Media(config.media.storage),
            images=dict(self.subject.images),
            previous=Previous(newest.id, newest.blake3) if newest else None,
        )

    def _doubts(self, set_: BackupSet, contents: Contents) -> tuple[str, ...]:
        if SMALLER in self.accepted:
            return ()
        trusted = next((one.set for one in contents.sets if one.set and not one.set.doubts), None)
        return doubt.doubts(set_, trusted)

    def _step(self, what: str) -> _Step:
        self._number += 1
        return _Step(self, what, self._number, STEPS + self.subject.with_base)


class _Step:
    """Tells of one part while it is written."""

    def __init__(self, run: Run, what: str, number: int, of: int) -> None:
        self._run, self._what, self._number, self._of = run, what, number, of

    def __enter__(self) -> Self:
        self._began = self._run.tools.clock.monotonic_seconds()
        self._run.tools.reporter.step_started(self._number, self._of, self._what)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._run.tools.reporter.step_failed(self._what)

    def done(self, part: Part, said: str = "") -> None:
        """It is written."""
        self._run._parts.append(part)  # noqa: SLF001 - a step is a piece of its run
        seconds = self._run.tools.clock.monotonic_seconds() - self._began
        size = f"{show_bytes(part.plain_bytes)} → {show_bytes(part.size)}"
        self._run.tools.reporter.step_done(self._what, ", ".join(filter(None, (said, size))), seconds)


def usable_packs(contents: Contents) -> dict[str, StoredObject]:
    """Packs that a new set may rely on: of a set we signed, listed whole, and not marked for removal."""
    marked = frozenset[str]().union(*(one.keys for one in contents.marked))
    sizes = contents.sizes
    return {
        pack.key: pack
        for known in contents.sets
        if known.set and not known.verdict.faults
        for pack in known.set.packs
        if sizes.get(pack.key) == pack.size and pack.key not in marked
    }


def _expecting(chunks: Iterable[bytes], magic: bytes, what: str, said: Callable[[], str]) -> Iterator[bytes]:
    """Refuse a stream that does not begin as it must: an empty dump uploads just as well."""
    head, stream = b"", iter(chunks)
    while len(head) < len(magic) and (chunk := next(stream, None)) is not None:
        head += chunk
    if not head.startswith(magic):
        raise OperationFailed(f"`{what}` gave no dump{database.why(said())}", subject=what)
    yield head
    yield from stream


def _archive(files: Mapping[str, bytes]) -> Iterator[bytes]:
    for name, content in sorted(files.items()):
        yield tar.header(name.encode(), len(content), 0, private=True)
        yield content
        yield tar.padding(len(content))
    yield tar.END


def _media_line(media: Media) -> str:
    line = f"{media.files} files, {media.new_files} new"
    if media.left_out_files:
        line += f"; left out {media.left_out_files} of other servers ({show_bytes(media.left_out_bytes)})"
    return line
