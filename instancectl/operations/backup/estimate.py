"""What the next set would read and store, and whether there is room; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instancectl.core.backup import database, index, receiving
from instancectl.core.backup.model import Media
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes, show_seconds
from instancectl.errors import OperationFailed
from instancectl.operations.backup.place import Place
from instancectl.operations.backup.run import usable_packs
from instancectl.operations.backup.subject import Subject


def estimate(subject: Subject, place: Place) -> Result:
    """Measure the database and the uploads, and look at every destination.

    Raises:
        InstanceError: the database or a destination does not answer.
    """
    size = _bytes(subject, subject.commands.size)
    base = _bytes(subject, receiving.BASE_SIZE) if subject.with_base else 0
    rooms = []
    media = Media()
    for repository in place.repositories:
        contents = repository.look()
        media = _media(subject, frozenset(usable_packs(contents)))
        rooms.append(
            (repository.destination.name, repository.destination.free_bytes(), media.new_bytes + size + base)
        )
    last = _last_seconds(place)
    new = f"{media.new_files} files, {show_bytes(media.new_bytes)}"
    lines = [
        f"database: {show_bytes(size)} on disk; a set stores less",
        f"media: {media.files} files, {show_bytes(media.bytes)}; to store: {new}",
    ]
    if base:
        lines.append(f"files of PostgreSQL, with which moments begin: at most {show_bytes(base)}")
    if media.left_out_files:
        files, saved = media.left_out_files, show_bytes(media.left_out_bytes)
        lines.append(f"left out: {files} files of other servers, {saved}")
    lines += [_room(name, free, most) for name, free, most in rooms]
    lines.append(f"the last run took {show_seconds(last)}" if last is not None else "there was no run yet")
    return Result(Status.PLANNED, _json((size, base), media, rooms, last), tuple(lines))


def _bytes(subject: Subject, argv: tuple[str, ...]) -> int:
    with subject.streams.start(subject.config.stack, "db", argv) as running:
        answer = b"".join(running.output()).decode(errors="replace").strip()
        if running.code() or not answer.isdecimal():
            raise OperationFailed(
                f"cannot ask PostgreSQL for its size{database.why(running.said)}", subject="db"
            )
    return int(answer)


def _media(subject: Subject, usable: frozenset[str]) -> Media:
    if subject.media is None:
        return Media("s3")
    files = size = new_files = new_bytes = 0
    for file, entry in index.joined(subject.media.walk(), subject.index.known()):
        files, size = files + 1, size + file.size
        if entry is None or entry.pack not in usable or not index.touched(file, entry):
            new_files, new_bytes = new_files + 1, new_bytes + file.size
    return Media("local", files, size, new_files, new_bytes, *subject.media.left_out())


def _last_seconds(place: Place) -> float | None:
    found: list[Mapping[str, Any]] = [
        entry for entry in place.journal.entries() if entry.get("event") == "backup-done"
    ]
    return float(found[-1]["seconds"]) if found else None


def _room(name: str, free: int | None, most: int) -> str:
    if free is None:
        return f"{name}: answers"
    enough = "enough" if free > most else "perhaps not enough"
    return f"{name}: {show_bytes(free)} free, {enough} for at most {show_bytes(most)}"


def _json(
    sizes: tuple[int, int], media: Media, rooms: list[tuple[str, int | None, int]], last: float | None
) -> dict[str, object]:
    return {
        "database_bytes": sizes[0],
        "base_bytes": sizes[1],
        "media": {name: getattr(media, name) for name in Media.__slots__ if name != "storage"},
        "destinations": [
            {"destination": name, "free_bytes": free, "most_bytes": most} for name, free, most in rooms
        ],
        "last_seconds": last,
    }
