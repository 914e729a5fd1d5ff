"""The check of backups: whether there is a set to go back to, and whether anybody tried."""

from __future__ import annotations

from instancectl.core.backup.figures import INTERVAL_SECONDS, Figures
from instancectl.core.checks.facts import Facts
from instancectl.core.checks.model import Judgement, Skipped, fail, ok, unknown, warn
from instancectl.core.units import show_seconds
from instancectl.core.unknown import Unknown

SLUG = "backups"
LATE_SECONDS = INTERVAL_SECONDS + 2 * 3_600
"""One night was missed; timers are jittered, and a first run takes hours."""

LOST_SECONDS = 2 * INTERVAL_SECONDS + 2 * 3_600
DRILL_SECONDS = 35 * 86_400
"""A month and a weekend."""

_NEEDED = "a set of the last night"


def backups(facts: Facts) -> Judgement:
    """The newest set that is everywhere and trusted is not too old, and a restore was rehearsed."""
    if not facts.config.backup.recipients:
        return Skipped(SLUG, "backups are not set up: `instancectl backup init`")
    found, now = facts.backups, facts.now
    if isinstance(found, Unknown):
        return unknown(SLUG, found, _NEEDED)
    if isinstance(now, Unknown):
        return unknown(SLUG, now, _NEEDED)
    return _judged(found, now)


def _judged(found: Figures, now: float) -> Judgement:
    age = now - found.success
    hint = "type `instancectl backup create`, and `journalctl -u instancectl-backup`"
    if not found.success:
        return fail(SLUG, "no backup ever worked", _NEEDED, hint)
    seen = f"the newest set is {show_seconds(int(max(0, age)))} old"
    if age > LATE_SECONDS:
        judge = fail if age > LOST_SECONDS else warn
        return judge(SLUG, seen, _NEEDED, hint)
    if not found.verify_ok:
        look = "type `instancectl backup verify all`"
        return fail(SLUG, f"{seen}, and something was wrong when sets were looked at", "whole sets", look)
    if not found.drilled or now - found.drilled > DRILL_SECONDS:
        when = f"{show_seconds(int(now - found.drilled))} ago" if found.drilled else "never"
        rehearse = "type `instancectl backup drill --kit FILE`"
        return warn(SLUG, f"{seen}; a restore was rehearsed {when}", "a drill every month", rehearse)
    took = show_seconds(round(found.rto_seconds))
    return ok(SLUG, f"{seen}; a restore takes {took}, as rehearsed")
