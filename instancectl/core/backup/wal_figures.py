"""What a host remembers of the WAL it sent away, and the metrics made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from instancectl.core.backup.figures import Figures
from instancectl.core.backup.wal import Base
from instancectl.core.monitoring.metric import Kind, Metric, Sample

LATE_SECONDS: Final = 10 * 60
"""The timer sends every minute; a store that is away for a while is no trouble yet."""


@dataclass(frozen=True, slots=True)
class WalFigures:
    """Times are epoch seconds, 0 is never.

    Attributes:
        attempt: when a run last began.
        sent: what was committed before this is away.
        seconds: how long the last run took.
        system: the cluster.
        first: from this segment on nothing is missing.
        last: up to here.
        slot: what PostgreSQL says of it: `reserved` is well, `lost` is not.
        lag_bytes: WAL that the slot holds back.
        waiting_bytes: received, and not everywhere yet.
        copies: destinations that hold all of it.
    """

    attempt: float = 0
    sent: float = 0
    seconds: float = 0
    system: str = ""
    first: str = ""
    last: str = ""
    slot: str = ""
    lag_bytes: int = 0
    waiting_bytes: int = 0
    copies: int = 0

    def leads_on(self, base: Base | None) -> bool:
        """Whether nothing is missing between a base and the last segment."""
        return (
            base is not None
            and base.system == self.system
            and bool(self.first)
            and self.first <= base.first
            and self.last >= base.last
        )

    def as_json(self) -> dict[str, Any]:
        """For the state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> WalFigures:
        """From the state file; keys of newer versions are ignored."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in found.items() if key in known})


_B: Final = "instancectl_backup_wal_"
SENT = Metric(
    f"{_B}sent_timestamp_seconds",
    Kind.GAUGE,
    "What was committed before this moment can be restored from elsewhere; 0 is never.",
)
LAG = Metric(f"{_B}lag_bytes", Kind.GAUGE, "WAL that PostgreSQL keeps because it was not taken yet.")
WAITING = Metric(f"{_B}waiting_bytes", Kind.GAUGE, "WAL that was taken, and is not in every destination yet.")
UNBROKEN = Metric(
    f"{_B}unbroken", Kind.GAUGE, "1 if nothing is missing between the newest base and the newest WAL."
)
BASE = Metric(
    "instancectl_backup_base_success",
    Kind.GAUGE,
    "1 if the last set got the files of PostgreSQL that moments begin with.",
)
SLOT = Metric(
    f"{_B}slot_held", Kind.GAUGE, "1 if PostgreSQL keeps what was not taken yet; 0 once it has let go of it."
)
WAL_METRICS = (SENT, LAG, WAITING, UNBROKEN, BASE, SLOT)
HELD: Final = frozenset({"reserved", "extended"})
"""What PostgreSQL says of a slot that it keeps WAL for; the others are `unreserved` and `lost`."""


def samples(found: WalFigures, backups: Figures) -> Iterator[Sample]:
    """For one scrape."""
    yield Sample(SENT, found.sent)
    yield Sample(LAG, found.lag_bytes)
    yield Sample(WAITING, found.waiting_bytes)
    yield Sample(UNBROKEN, float(found.leads_on(backups.base)))
    yield Sample(BASE, float(backups.base_ok))
    if found.system:  # PostgreSQL was asked once
        yield Sample(SLOT, float(found.slot in HELD))
