"""Outgoing mail as a budget of its own: is the provider broken, and how many sign-ups can it confirm.

Every accepted sign-up costs a confirmation at once and a welcome mail an hour later. When a quota is
near, sign-ups are metered, because approval does not save a single confirmation mail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from instancectl.core.scaling.sample import MailSample
from instancectl.core.scaling.state import MailState
from instancectl.core.scaling.window import added, mean, span, total
from instancectl.core.units import show_seconds

WINDOW_SECONDS: Final = 60.0
FAILURES: Final = 5  # in the window, and more than half of all, before the provider is taken for broken
SUCCESSES: Final = 3  # in a row that close the breaker again
CATCH_UP_SECONDS: Final = 60.0  # after that, growth is not limited for so long
HOUR: Final = 3600.0
BUCKET_SECONDS: Final = 60.0
MAILS_PER_SIGNUP: Final = 2.2  # confirmation with a tenth of re-sends, welcome, first notifications
CAUTION: Final = 0.8  # share of the rest of the quota that sign-ups may use
WATCH: Final = 0.60  # share of the quota from which the rate is judged
LAST: Final = 0.95  # from here on nothing but what is already promised
REOPEN: Final = 0.5  # sign-ups open again once their rate would be below this share of what is allowed


@dataclass(frozen=True, slots=True)
class Metering:
    """Whether sign-ups have to stop for the sake of mail, and why; empty text: they need not."""

    closed: bool
    reason: str
    left: int = 0


def remembered(known: MailState, seen: MailSample, at: float) -> MailState:
    """The memory with this sample in it, the breaker opened or closed."""
    known = replace(
        known,
        failed=added(known.failed, at, float(seen.failed), WINDOW_SECONDS),
        delivered=added(known.delivered, at, float(seen.delivered), WINDOW_SECONDS),
        streak=0 if seen.failed else known.streak + seen.delivered,
    )
    if known.broken_since:
        if known.streak >= SUCCESSES:
            return replace(known, broken_since=0.0, mended_at=at, failed=(), delivered=())
        return known
    failed, delivered = total(known.failed, WINDOW_SECONDS), total(known.delivered, WINDOW_SECONDS)
    if failed >= FAILURES and failed > delivered:
        return replace(known, broken_since=at)
    return known


def with_signups(known: MailState, signups: int, at: float) -> MailState:
    """The memory with the sign-ups since the last sample, in buckets of a minute."""
    last = known.signups[-1] if known.signups else (0.0, 0.0)
    if known.signups and at - last[0] < BUCKET_SECONDS:
        return replace(known, signups=(*known.signups[:-1], (last[0], last[1] + signups)))
    return replace(known, signups=added(known.signups, at, float(signups), HOUR))


def metering(known: MailState, seen: MailSample, quota: int) -> Metering:
    """Judge the quota: promises come off first, then the rate of sign-ups is held against the rest."""
    if not quota:
        return Metering(closed=False, reason="")
    owed = int(total(known.signups, HOUR))
    left = max(0, quota - seen.sent_today - owed)
    used = 1 - left / quota
    ends = max(60.0, seen.day_ends_in_seconds)
    promised = f"{seen.sent_today} of {quota} mails sent, {owed} welcome mails owed"
    if used >= LAST:
        why = f"{promised}; nothing is left for new sign-ups until the quota renews in {show_seconds(ends)}"
        return Metering(closed=True, reason=why, left=left)
    allowed = CAUTION * left / (MAILS_PER_SIGNUP * ends)
    rate = mean(known.signups, 600) / BUCKET_SECONDS if span(known.signups) else 0.0
    if used >= WATCH and rate > allowed:
        why = (
            f"{promised}; {rate * 3600:.0f} sign-ups an hour, {allowed * 3600:.0f} is what the quota carries"
        )
        return Metering(closed=True, reason=why, left=left)
    if known.metered and rate > REOPEN * allowed:
        return Metering(closed=True, reason=known.metered, left=left)
    return Metering(closed=False, reason="", left=left)
