"""What a host remembers of its backups, and the metrics made of it: nobody asks a store at every scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from instancectl.core.backup.wal import Base
from instancectl.core.monitoring.metric import Kind, Metric, Sample

INTERVAL_SECONDS: Final = 86_400
"""The timer makes one set each night."""

_G = Kind.GAUGE
_B, _D = "instancectl_backup_", "instancectl_restore_drill_"


@dataclass(frozen=True, slots=True)
class Figures:
    """Times are epoch seconds, 0 is never.

    Attributes:
        attempt: when the last run began.
        success: when the newest set was made that arrived everywhere and is trusted.
        seconds: how long that run took.
        bytes: what that set needs in a destination.
        copies: destinations that hold it.
        offsite: when the newest set was made that is in a bucket.
        verified: when a set was last looked at.
        verify_ok: whether nothing was wrong then.
        drilled: when a set was last made an instance.
        rto_seconds: how long that took.
        base: of the newest set that has one: from where WAL leads on.
        base_ok: whether the last set got one, if it was to have one.
        locked: until then at least nobody can remove what kept sets need; 0 where nothing is locked.
    """

    attempt: float = 0
    success: float = 0
    seconds: float = 0
    bytes: int = 0
    copies: int = 0
    offsite: float = 0
    verified: float = 0
    verify_ok: bool = True
    drilled: float = 0
    rto_seconds: float = 0
    base: Base | None = None
    base_ok: bool = True
    locked: float = 0

    def as_json(self) -> dict[str, Any]:
        """For the state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Figures:
        """From the state file; keys of newer versions are ignored."""
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in found.items() if key in known}
        base = values.get("base")
        return cls(**{**values, "base": Base.from_json(base) if base else None})


SUCCESS = Metric(
    f"{_B}last_success_timestamp_seconds",
    _G,
    "When the newest backup set was made that is everywhere and is trusted; 0 is never.",
)
ATTEMPT = Metric(f"{_B}last_attempt_timestamp_seconds", _G, "When the last backup began; 0 is never.")
DURATION = Metric(f"{_B}last_duration_seconds", _G, "How long the last backup that worked took.")
SIZE = Metric(f"{_B}last_size_bytes", _G, "What the newest set needs in a destination.")
INTERVAL = Metric(f"{_B}interval_seconds", _G, "How often a set is made.")
COPIES = Metric(f"{_B}copies", _G, "Destinations that hold the newest set.")
OFFSITE = Metric(
    f"{_B}offsite_last_success_timestamp_seconds", _G, "When the newest set was made that is in a bucket."
)
VERIFIED = Metric(f"{_B}verify_last_timestamp_seconds", _G, "When a set was last looked at; 0 is never.")
VERIFY_OK = Metric(f"{_B}verify_success", _G, "1 if nothing was wrong when sets were last looked at.")
RPO = Metric(f"{_B}rpo_seconds", _G, "What a loss now would cost: the age of the newest set.")
DRILLED = Metric(
    f"{_D}last_success_timestamp_seconds", _G, "When a set was last made an instance, as a rehearsal."
)
RTO = Metric(f"{_D}last_duration_seconds", _G, "How long that took: what a restore takes.")

LOCK_END = Metric(
    f"{_B}lock_end_timestamp_seconds",
    _G,
    "Until then at least nobody can remove what kept sets need; there is none where nothing is locked.",
)

BACKUP_METRICS = (
    SUCCESS, ATTEMPT, DURATION, SIZE, INTERVAL, COPIES, OFFSITE, VERIFIED, VERIFY_OK, RPO, DRILLED, RTO,
    LOCK_END,
)  # fmt: skip


def samples(found: Figures, now: float) -> Iterator[Sample]:
    """For one scrape; what there never was has no age."""
    values: Iterable[tuple[Metric, float]] = (
        (SUCCESS, found.success),
        (ATTEMPT, found.attempt),
        (DURATION, found.seconds),
        (SIZE, found.bytes),
        (INTERVAL, INTERVAL_SECONDS),
        (COPIES, found.copies),
        (OFFSITE, found.offsite),
        (VERIFIED, found.verified),
        (VERIFY_OK, float(found.verify_ok)),
        (DRILLED, found.drilled),
        (RTO, found.rto_seconds),
    )
    yield from (Sample(metric, value) for metric, value in values)
    if found.success:
        yield Sample(RPO, max(0.0, now - found.success))
    if found.locked:
        yield Sample(LOCK_END, found.locked)
