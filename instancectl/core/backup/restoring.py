"""Decisions of a restore: what it needs, how long it takes, what is lost, and where a killed one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

from instancectl.core.applied import Applied
from instancectl.core.backup.model import BackupSet
from instancectl.core.units import GIB, MIB, show_bytes, show_seconds

MISSING_MEDIA: Final = "missing-media"
DOUBTED: Final = "doubted"
OTHER_SECRETS: Final = "other-secrets"
RISKS: Final = (MISSING_MEDIA, DOUBTED, OTHER_SECRETS)
"""What an admin may accept."""

DUMP: Final = "database.dump.zst.age"
GLOBALS: Final = "globals.sql.zst.age"
CONFIGURATION: Final = "configuration.tar.zst.age"
REDIS: Final = "redis.rdb.zst.age"
MEDIA: Final = "media.tsv.zst.age"
ABOUT: Final = "about.json.zst.age"
BASE: Final = "base.tar.zst.age"

RESTORE_SECONDS_PER_GIB: Final = 36
"""Of a plain dump; measured: 966 MB in 22 s by two cores, plus a third for statistics and counting."""

FILE_SECONDS: Final = 0.0009
"""Of one small file; measured: 5,000 files in 15,000 directories in 4.5 s on two busy cores."""

BYTES_PER_SECOND: Final = 60 * MIB
"""A store in the same country; measured 72–158 MB/s against a real one on the same machine."""

BUILD_FEEDS: Final = ("bin/tootctl", "feeds", "build", "--all")
"""Fills the home timelines of everybody who was there lately; Redis begins empty."""

BUILD_SECONDS: Final = 24 * 3_600
"""Most that may take; people see everything else meanwhile."""

BOOT_SECONDS: Final = 90
"""Services, probes."""

INDEX_SHARE: Final = 1.6
"""A database on disk beside its plain dump: indexes and page headers."""


class Phase(StrEnum):
    """What a restore goes through, in order; a killed one begins its last phase anew."""

    SETTINGS = "settings"
    DATA = "data"
    READY = "ready"
    BASE = "base"
    DATABASE = "database"
    MEDIA = "media"
    FOLLOW = "follow"
    REST = "rest"
    TAKE = "take"
    STOP = "stop"
    SWAP = "swap"
    START = "start"
    JOBS = "jobs"
    FEEDS = "feeds"


@dataclass(frozen=True, slots=True)
class Record:
    """A restore as it is remembered on the host: `state/restore.json`.

    Attributes:
        set: its id.
        beside: into a live instance, next to what is there.
        began: epoch seconds.
        done: phases that need not be done again.
        schema: `schema_before` and `schema_after` of the state before the swap, to go back to.
        kept: what was there before is kept, until `restore finish`.
        undone: it was taken back.
        at: the moment that the database is of, as `core.backup.moment` writes it; empty for the set's own.
        follow: the original is followed until it hands over; all but the database is of the set until then.
        start: the set whose base it began with.
        handover: the one that was seen.
        token: by this the host knows that it was itself that took it.
    """

    set: str
    beside: bool
    began: int
    done: tuple[str, ...] = ()
    schema: tuple[str, str] = ("", "")
    kept: bool = False
    undone: bool = False
    at: str = ""
    follow: bool = False
    start: str = ""
    handover: str = ""
    token: str = ""

    def with_done(self, phase: Phase) -> Record:
        """The same one phase later."""
        return replace(self, done=(*self.done, phase.value))

    def without(self, *phases: Phase) -> Record:
        """The same before these."""
        return replace(self, done=tuple(one for one in self.done if one not in phases))

    def is_done(self, phase: Phase) -> bool:
        """Whether an earlier run got beyond it."""
        return phase.value in self.done

    @property
    def running(self) -> bool:
        """Whether it has neither ended nor been taken back; on an empty host the end removes the record."""
        return not (self.undone or (self.beside and Phase.FEEDS.value in self.done))

    def as_json(self) -> dict[str, Any]:
        """For the state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Record:
        """From the state file; raises `TypeError`, `KeyError` or `ValueError` when it is none."""
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in found.items() if key in known}
        before, after = values.get("schema", ("", ""))
        values["done"], values["schema"] = tuple(values.get("done", ())), (str(before), str(after))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a restore takes: bytes to fetch, bytes on disk at most, seconds (an estimate)."""

    fetch_bytes: int
    disk_bytes: int
    seconds: float


def needs(set_: BackupSet, drilled_seconds: float = 0) -> Needs:
    """An estimate from sizes; a drill's measured time counts for the database and the boot.

    Args:
        set_: which.
        drilled_seconds: how long the last drill of it took; 0 when there was none.
    """
    dump = set_.part(DUMP)
    plain = dump.plain_bytes if dump else 0
    database = drilled_seconds or plain / GIB * RESTORE_SECONDS_PER_GIB + BOOT_SECONDS
    media = set_.media.files * FILE_SECONDS
    disk = plain + int(plain * INDEX_SHARE) + (set_.media.bytes if set_.part(MEDIA) else 0)
    return Needs(set_.size, disk, database + media + set_.size / BYTES_PER_SECOND)


def lost(since: float, now: float) -> str:
    """What happened after a set was made, or after the moment that was asked for, does not come back."""
    return f"{show_seconds(max(0, int(now) - int(since)))} of posts"


def needs_lines(set_: BackupSet, found: Needs, free_bytes: int | None) -> list[str]:
    """For people."""
    room = ""
    if free_bytes is not None:
        enough = "enough" if free_bytes > found.disk_bytes else "not enough"
        room = f"; {show_bytes(free_bytes)} are free: {enough}"
    return [
        f"to fetch: {show_bytes(found.fetch_bytes)} in {len(set_.objects)} objects",
        f"disk: at most {show_bytes(found.disk_bytes)}{room}",
        f"time: about {show_seconds(round(found.seconds))}",
    ]


def revived(recorded: Applied, images: Mapping[str, str]) -> Applied:
    """The state of a restored instance: its database has an owner, and settings that its admin chose."""
    return Applied(
        local_domain=recorded.local_domain,
        web_domain=recorded.web_domain,
        schema_before=recorded.schema_before,
        schema_after=recorded.schema_after,
        settings_done=True,
        owner_done=True,
        images=images,
    )


def other_secrets(recorded: Mapping[str, str], here: Mapping[str, str]) -> tuple[str, ...]:
    """Secrets whose fingerprints differ between a set and the host it would be restored to."""
    return tuple(name for name, mark in sorted(recorded.items()) if name in here and here[name] != mark)
