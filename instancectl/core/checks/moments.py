"""The check of points in time: whether any moment of the last days could be restored."""

from __future__ import annotations

from instancectl.core.backup.figures import Figures
from instancectl.core.backup.wal_figures import LATE_SECONDS, WalFigures
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.units import MIB, show_bytes, show_seconds
from instancectl.core.unknown import Unknown

SLUG = "point-in-time"
LOST_SECONDS = 60 * 60
_NEEDED = "WAL of the last minutes, without a gap since a base"
_LOOK = "type `instancectl backup send`, and `instancectl logs wal`"


def moments(facts: Facts) -> Judgement:
    """What was committed until minutes ago is away, and leads on from a base."""
    backup = facts.config.backup
    if not (backup.point_in_time and backup.recipients):
        return Skipped(SLUG, "only sets are kept: `backup.point_in_time` is not set")
    found, backups, now = facts.wal, facts.backups, facts.now
    if isinstance(found, Unknown):
        return unknown(SLUG, found, _NEEDED)
    if isinstance(backups, Unknown):
        return unknown(SLUG, backups, _NEEDED)
    if isinstance(now, Unknown):
        return unknown(SLUG, now, _NEEDED)
    return _late(found, now) or _judged(found, backups, now, backup.wal_keep_mib * MIB)


def _judged(found: WalFigures, backups: Figures, now: float, room_bytes: int) -> Judgement:
    base, create = backups.base, "type `instancectl backup create`: it makes a new base"
    if not found.leads_on(base):
        seen = "something is missing since the last base" if base else "there is no base to lead on from"
        return fail(SLUG, f"WAL is sent, but {seen}", _NEEDED, create)
    if not backups.base_ok:
        return warn(SLUG, "the last set has no base: moments begin with an earlier one", _NEEDED, create)
    if found.lag_bytes > room_bytes // 2:
        seen = f"PostgreSQL holds back {show_bytes(found.lag_bytes)} of WAL, at most {show_bytes(room_bytes)}"
        return warn(SLUG, seen, "a receiver that follows", _LOOK)
    age = show_seconds(int(max(0, now - found.sent)))
    return ok(SLUG, f"a loss now would cost {age}; nothing is missing since the last base")


def _late(found: WalFigures, now: float) -> Judgement | None:
    if not found.sent:
        return fail(SLUG, "no WAL was ever sent away", _NEEDED, _LOOK)
    age = now - found.sent
    if age <= LATE_SECONDS:
        return None
    slot = "; PostgreSQL gave the slot up, so there is a gap" if found.slot == "lost" else ""
    judge = fail if slot or age > LOST_SECONDS else warn
    return judge(SLUG, f"WAL was last sent {show_seconds(int(age))} ago{slot}", _NEEDED, _LOOK)
